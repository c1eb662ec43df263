"""Start the answering process for `zhenjie query`, read its output in bounded memory, and always end it."""

from __future__ import annotations

import codecs
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipelines.answering.errors import crashed, no_memory, time_is_up
from pipelines.answering.protocol import GRACE, LARGEST, NoAnswer, Refusal, Request
from pipelines.terminal.codes import FAILED
from warehouse.isolation.messages import BadMessage, made, receive, send
from warehouse.isolation.process import Child

# Seconds that the process may take to import its libraries: the machine may be busy.
_STARTING = 120
# Seconds beyond the query's limit after which the parent ends the process, if the kernel has not.
_OVERDUE = GRACE + 2


class Answering:
    """A process that answers one query."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def answer(
        self, request: Request, write: Callable[[str], object], remark: Callable[[str], object]
    ) -> int:
        """Answer a query in a process of its own.

        Args:
            request: the query.
            write: takes the output in pieces.
            remark: takes a line for a person.

        Returns:
            The number of rows in the answer.

        Raises:
            NoAnswer: the query has no answer, or only a part of it.
        """
        try:
            return self._listen(request, write, remark)
        except TimeoutError:
            raise NoAnswer(time_is_up(request.seconds)) from None
        except BadMessage:
            raise NoAnswer(crashed("answer")) from None
        except EOFError:
            raise NoAnswer(self._why(request)) from None
        finally:
            self._child.kill()
            self._child.why()
            shutil.rmtree(request.scratch, ignore_errors=True)

    def _listen(
        self, request: Request, write: Callable[[str], object], remark: Callable[[str], object]
    ) -> int:
        channel = self._child.channel
        try:
            receive(channel, LARGEST, time.monotonic() + _STARTING)
            send(channel, request)
        except (EOFError, TimeoutError, OSError):
            self._child.kill()
            self._child.why()
            said = "查询进程无法启动，请检查内存和安装是否完整"
            raise NoAnswer(Refusal(f"{said}\n{self._child.last_line()}".rstrip(), FAILED, "failed")) from None
        until = time.monotonic() + request.seconds + _OVERDUE
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while True:
            frame, attached = _next(self._child, until)
            if attached:
                write(decoder.decode(attached))
            elif "remark" in frame:
                remark(made(str, frame["remark"]))
            elif "refusal" in frame:
                raise NoAnswer(made(Refusal, frame["refusal"]))
            elif "rows" in frame:
                return made(int, frame["rows"])

    def _why(self, request: Request) -> Refusal:
        ended = self._child.why()
        if ended is None:
            return crashed("end")
        harm, detail = ended
        if harm == "time":
            return time_is_up(request.seconds)
        return no_memory() if harm == "memory" else crashed(detail)


def _next(child: Child, until: float) -> tuple[dict[str, object], bytes]:
    try:
        frame, attached = receive(child.channel, LARGEST, until)
    except ConnectionError:
        # The process ended with unread data in its socket.
        raise EOFError from None
    return made_frame(frame), attached


def made_frame(frame: object) -> dict[str, object]:
    """Read a frame, which is a JSON object.

    Raises:
        BadMessage: the frame is not a message.
    """
    if not isinstance(frame, dict):
        raise BadMessage("no object")
    return frame


@contextmanager
def answering() -> Iterator[Answering]:
    """A process that gets ready while the caller does something else. It is ended on exit."""
    child = Child("pipelines.answering.child")
    try:
        yield Answering(child)
    finally:
        child.end()


def width_of_terminal() -> int | None:
    """The columns of the terminal that the output goes to; None for a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
