"""`zhenjie query`: read-only SQL on the published tables, without access to anything else.

Before a query is judged, the ledger gets an entry with the account and the SQL. Afterwards it gets an entry with the
number of rows, or the reason why there were no rows. Without a ledger there is no answer. A process of its own judges
and answers the query, see `pipelines.answering`.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from pipelines.answering.process import Answering, answering, width_of_terminal
from pipelines.answering.protocol import Form, NoAnswer, Refusal, Request
from pipelines.commands.options import JsonOption, settings_of
from pipelines.platform import ledger_url
from pipelines.settings import Settings
from pipelines.terminal import console
from returns.ledger.chain import Act, Entry, LedgerError, LedgerLoss
from returns.ledger.store import Ledger
from warehouse.home.folders import Home
from warehouse.query.connection import scratch_of

# Signals that end a command → the reason that the ledger keeps for the query.
_ENDING = {
    signal.SIGINT: "被用户中止（Ctrl-C）",
    signal.SIGTERM: "被系统或管理员中止（SIGTERM）",
    signal.SIGHUP: "终端断开，已中止（SIGHUP）",
}


def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(help="SQL 查询")],
    csv: Annotated[bool, typer.Option("--csv", help="输出 CSV")] = False,
    json_: JsonOption = False,
) -> None:
    """查询已发布的治理库和标准表（只读）。 Query the published tables."""
    settings = settings_of(context)
    if csv and json_:
        raise console.usage("--csv 和 --json 只能选一个")
    home = Home(settings.home)
    if not home.warehouse.exists():
        raise console.usage("还没有发布治理库：先运行 zhenjie run")
    request = _request(settings, home, sql, "csv" if csv else "json" if json_ else "table")
    try:
        with (
            answering() as process,
            _Signals.kept() as signals,
            Ledger.open(ledger_url(settings), home.witness) as ledger,
        ):
            asked = _entered(ledger, settings, Act.QUERY, {"sql": _writable(sql)})
            try:
                with signals.raised():
                    rows = _answered(process, request)
            except NoAnswer as error:
                refusal = error.refusal
                detail = {"query": asked.seq, refusal.word: _writable(refusal.said.partition("\n")[0])}
                _entered(ledger, settings, Act.RESULT, detail)
                # The end of the process says the one itself, and nobody reads the other.
                if refusal.code not in (console.STOPPED, console.UNREAD):
                    console.progress(refusal.said)
                raise typer.Exit(refusal.code) from None
            except OSError as error:
                detail = {"query": asked.seq, "failed": f"结果没有全部输出：{type(error).__name__}"}
                _entered(ledger, settings, Act.RESULT, detail)
                raise
            _entered(ledger, settings, Act.RESULT, {"query": asked.seq, "rows": rows})
    except LedgerLoss as error:
        raise console.failed(str(error)) from None
    except (SQLAlchemyError, LedgerError) as error:
        raise console.failed(f"台账无法写入，查询未记录，不予答复：{type(error).__name__}") from None


def _request(settings: Settings, home: Home, sql: str, form: Form) -> Request:
    return Request(
        sql=sql,
        form=form,
        home=home.root,
        keys=settings.keys,
        memory=settings.query_memory,
        threads=settings.threads,
        seconds=settings.query_seconds,
        width=width_of_terminal(),
        encoding=sys.stdout.encoding or "utf-8",
        scratch=scratch_of(home),
    )


def _answered(process: Answering, request: Request) -> int:
    """Write the answer out and return the number of rows.

    Raises:
        NoAnswer: the query has no answer, or only a part of it.
        OSError: the output cannot be written.
    """
    try:
        rows = process.answer(request, sys.stdout.write, console.progress)
        sys.stdout.flush()
    except BrokenPipeError:
        raise NoAnswer(Refusal("输出的读者已离开，结果没有全部输出", console.UNREAD, "stopped")) from None
    except UnicodeEncodeError as error:
        said = f"结果中的字符 {error.object[error.start]!a} 不能用终端的编码 {error.encoding} 输出，请改用 UTF-8 终端"
        raise NoAnswer(Refusal(said, console.FAILED, "failed")) from None
    return rows


class _Signals:
    """Turns a signal that ends the command into `NoAnswer` while the query is answered, and delays it before and after.

    So no entry of the ledger is interrupted, and each query has its result there.
    """

    def __init__(self) -> None:
        self._raising = False
        self._came: signal.Signals | None = None

    @classmethod
    @contextmanager
    def kept(cls) -> Iterator[_Signals]:
        """Handle the signals. A signal that comes too late for the query ends the command afterwards."""
        signals = cls()
        # A signal that the caller ignores, as `nohup` does, stays ignored.
        taken = [each for each in _ENDING if signal.getsignal(each) != signal.SIG_IGN]
        before = {each: signal.signal(each, signals._take) for each in taken}
        try:
            yield signals
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
        if signals._came is not None:
            raise typer.Exit(128 + signals._came)

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Interrupt the block when a signal comes, or if one has come already."""
        self._raising = True
        try:
            if self._came is not None:
                raise NoAnswer(_stopped(self._came))
            yield
        finally:
            self._raising = False

    def _take(self, number: int, _: FrameType | None) -> None:
        self._came = signal.Signals(number)
        if self._raising:
            # Only once: a second signal must not interrupt the clean-up.
            self._raising = False
            raise NoAnswer(_stopped(self._came))


def _stopped(came: signal.Signals) -> Refusal:
    return Refusal(_ENDING[came], 128 + came, "stopped")


def _entered(ledger: Ledger, settings: Settings, kind: Act, detail: Mapping[str, object]) -> Entry:
    return ledger.append(kind, settings.user, "warehouse", detail, datetime.now(UTC))


def _writable(text: str) -> str:
    """A text that every ledger can store: invalid UTF-8 and NUL become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")
