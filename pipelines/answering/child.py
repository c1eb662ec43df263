"""The process that answers one query: `python -m pipelines.answering.child CHANNEL`.

DuckDB ignores an interruption inside one long function call and inside its parser. So each query is judged and run in
a process of its own. The kernel limits the memory of this process and ends it shortly after the query's time is up.
The parent is `pipelines.answering.process`.
"""

from __future__ import annotations

import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from pipelines.answering.answers import Answer, Sink, Writing, as_csv, as_json, as_table
from pipelines.answering.errors import explained, is_memory, no_memory, time_is_up
from pipelines.answering.protocol import GRACE, PIECE, Form, NoAnswer, Refusal, Request
from pipelines.terminal.codes import FAILED, USAGE
from warehouse.home.encryption import WrongKey
from warehouse.home.folders import Home
from warehouse.isolation.messages import made, receive, send
from warehouse.isolation.process import limit_memory, limit_time, settle
from warehouse.query.connection import Asked, NotVerified, open_for_queries
from warehouse.query.judge import RefusedQuery, judge, published_tables

_MOST_ASKED = 16 << 20
# Bytes beyond the engine's memory limit: its parser, texts inside functions, Arrow, and the output.
_BESIDE_THE_ENGINE = 768 << 20
# Seconds until a query that still runs is interrupted again.
_AGAIN = 0.2

_FORMS: dict[Form, Callable[[Answer, Sink], Writing]] = {"table": as_table, "csv": as_csv, "json": as_json}

# DuckDB answers SHOW TABLES with the tables of the schema `main`, where no table is published. The answer lists all
# published tables instead, each by the name that a query writes.
_SHOW_TABLES = re.compile(r"\s*show\s+tables\s*;?\s*", re.IGNORECASE | re.ASCII)
_LIST_TABLES = """
SELECT if(schema_name = 'main', database_name, schema_name) || '.' || table_name AS name, comment
FROM duckdb_tables() ORDER BY name
"""

# A statement without these words cannot name or list a table of the second database, which then stays closed.
_STANDARD = re.compile(r"standard|show|describe|duckdb_", re.IGNORECASE | re.ASCII)

# Errors of the engine. While rows are fetched they arrive through Arrow, as errors of reading.
_ENGINE = (duckdb.Error, pa.ArrowException, OSError, MemoryError)


class _TooLarge(Exception):
    """The memory was too small, and no row was written yet."""


def main() -> None:
    """Answer the query that arrives through the channel."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    settle()
    send(channel, {"ready": True})
    value, _ = receive(channel, _MOST_ASKED)
    request = made(Request, value)
    limit_memory(request.memory + _BESIDE_THE_ENGINE)
    limit_time(request.seconds + GRACE)
    sink = _Frames(channel, request)
    try:
        rows = _answered(request, sink)
        sink.send()
    except NoAnswer as error:
        sink.send()
        send(channel, {"refusal": error.refusal})
    else:
        send(channel, {"rows": rows})


class _Frames:
    """Sends output to the parent in pieces."""

    def __init__(self, channel: socket.socket, request: Request) -> None:
        self.width = request.width
        self.encoding = request.encoding
        self._channel = channel
        self._held = bytearray()

    def write(self, text: str) -> int:
        """Take output for the parent, which gets it in UTF-8."""
        for start in range(0, len(text), PIECE):
            self._held += text[start : start + PIECE].encode("utf-8", "surrogatepass")
            if len(self._held) >= PIECE:
                self.send()
        return len(text)

    def remark(self, text: str) -> None:
        """Send a line for a person, which is not part of the output."""
        self.send()
        send(self._channel, {"remark": text})

    def flush(self) -> None:
        """Do nothing: Rich calls it after each line."""

    def send(self) -> None:
        """Send the collected output."""
        held, self._held = memoryview(bytes(self._held)), bytearray()
        for start in range(0, len(held), PIECE):
            send(self._channel, {}, bytes(held[start : start + PIECE]))


def _answered(request: Request, sink: Sink) -> int:
    """Answer a query and return the number of rows. If the memory is too small, try again with room on the disk.

    Raises:
        NoAnswer: the query has no answer, or only a part of it.
    """
    clock = _Clock(request.seconds)
    try:
        try:
            return _attempt(request, sink, clock, spilling=False)
        except _TooLarge:
            return _attempt(request, sink, clock, spilling=True)
    except RefusedQuery as error:
        raise NoAnswer(Refusal(str(error), USAGE, "refused")) from None
    except (WrongKey, NotVerified) as error:
        code = USAGE if isinstance(error, WrongKey) else FAILED
        raise NoAnswer(Refusal(str(error), code, "refused")) from None
    except _ENGINE as error:
        if clock.is_up and "INTERRUPT" in str(error).upper():
            raise NoAnswer(time_is_up(request.seconds)) from None
        raise NoAnswer(no_memory() if isinstance(error, MemoryError) else explained(error)) from None


def _attempt(request: Request, sink: Sink, clock: _Clock, *, spilling: bool) -> int:
    sql = _LIST_TABLES if _SHOW_TABLES.fullmatch(request.sql) else request.sql
    asked = Asked(
        Home(request.home),
        request.keys,
        {"memory_limit": f"{request.memory}B", "threads": request.threads},
        standard=_STANDARD.search(request.sql) is not None,
        scratch=request.scratch,
    )
    with open_for_queries(asked, spilling=spilling) as connection, clock.running(connection):
        tables = published_tables(connection)
        answer = Answer(connection, judge(connection, sql, tables), tables)
        try:
            write = _FORMS[request.form](answer, sink)
        except _ENGINE as error:
            if spilling or not is_memory(error):
                raise
            raise _TooLarge from None
        return write()


class _Clock:
    """Interrupts the statements of a connection once a query's time is up."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds

    @property
    def is_up(self) -> bool:
        return time.monotonic() >= self._ends

    @contextmanager
    def running(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        done = threading.Event()

        def watch() -> None:
            wait = self._ends - time.monotonic()
            # Repeated: an interruption between two statements has no effect.
            while not done.wait(max(wait, 0)):
                connection.interrupt()
                wait = _AGAIN

        watching = threading.Thread(target=watch, name="query clock", daemon=True)
        watching.start()
        try:
            yield
        finally:
            done.set()
            watching.join()


if __name__ == "__main__":
    main()
