"""`zhenjie query`: read-only SQL on the published tables, without access to anything else.

The ledger is told who asked what before it is judged or answered, and after it how many rows were given or why none
were. Without a ledger there is no answer.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import duckdb
import pyarrow as pa
import typer
from sqlalchemy.exc import SQLAlchemyError

from pipelines.commands.options import JsonOption, settings_of
from pipelines.platform import ledger_url
from pipelines.settings import Settings
from pipelines.terminal import console
from pipelines.terminal.answers import Answer, Writing, as_csv, as_json, as_table
from returns.ledger.chain import Act, Entry, LedgerError, LedgerLoss
from returns.ledger.store import Ledger
from warehouse.home.encryption import WrongKey
from warehouse.home.folders import Home
from warehouse.query.connection import Asked, NotAccepted, open_for_queries
from warehouse.query.judge import RefusedQuery, judge, published_tables

_Form = Callable[[Answer], Writing]

# DuckDB answers SHOW TABLES with the tables of the schema `main`, where no table is published. The answer lists all
# published tables instead, each by the name that a query writes.
_SHOW_TABLES = re.compile(r"\s*show\s+tables\s*;?\s*", re.IGNORECASE | re.ASCII)
_LIST_TABLES = """
SELECT if(schema_name = 'main', database_name, schema_name) || '.' || table_name AS name, comment
FROM duckdb_tables() WHERE schema_name <> 'hidden' ORDER BY name
"""

# Statements in which no table of the second database can be meant or listed are answered without it.
_STANDARD = re.compile(r"standard|show|describe|duckdb_", re.IGNORECASE | re.ASCII)


class _NoAnswer(Exception):
    """Why there is no answer, in Chinese; how the command ends, and the word for it in the ledger."""

    def __init__(self, said: str, code: int = console.USAGE, word: str = "refused") -> None:
        super().__init__(said)
        self.code = code
        self.word = word


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
    form = as_csv if csv else as_json if json_ else as_table
    try:
        with Ledger.open(ledger_url(settings), home.witness) as ledger:
            asked = _entered(ledger, settings, Act.QUERY, {"sql": _writable(sql)})
            try:
                rows = _answered(settings, home, sql, form)
            except _NoAnswer as refusal:
                detail = {"query": asked.seq, refusal.word: _writable(str(refusal).partition("\n")[0])}
                _entered(ledger, settings, Act.RESULT, detail)
                console.progress(str(refusal))
                raise typer.Exit(refusal.code) from None
            _entered(ledger, settings, Act.RESULT, {"query": asked.seq, "rows": rows})
    except LedgerLoss as error:
        raise console.failed(str(error)) from None
    except (SQLAlchemyError, LedgerError) as error:
        raise console.failed(f"台账无法写入，查询未记录，不予答复：{type(error).__name__}") from None


def _entered(ledger: Ledger, settings: Settings, kind: Act, detail: Mapping[str, object]) -> Entry:
    return ledger.append(kind, settings.user, "warehouse", detail, datetime.now(UTC))


def _writable(text: str) -> str:
    """A text as every ledger can keep it: what is no UTF-8, and NUL, written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _answered(settings: Settings, home: Home, sql: str, form: _Form) -> int:
    """Answer a query, if need be a second time with room on the disk; the number of rows that were given.

    Raises:
        _NoAnswer: there is none, or only a part.
    """
    limits: dict[str, str | int] = {"memory_limit": settings.memory, "threads": settings.threads}
    asked = Asked(home, settings.keys, limits, standard=_STANDARD.search(sql) is not None)
    clock = _Clock(settings.query_seconds)
    if _SHOW_TABLES.fullmatch(sql):
        sql = _LIST_TABLES
    try:
        try:
            return _attempt(asked, sql, form, clock, spilling=False)
        except _TooLarge:
            return _attempt(asked, sql, form, clock, spilling=True)
    except RefusedQuery as error:
        raise _NoAnswer(str(error)) from None
    except (WrongKey, NotAccepted) as error:
        raise _NoAnswer(
            str(error), console.USAGE if isinstance(error, WrongKey) else console.FAILED
        ) from None
    except _ENGINE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # not the engine's: the pipe is closed, or a file cannot be opened
        raise _explained(error, clock) from None
    except UnicodeEncodeError as error:
        said = f"结果中的字符 {error.object[error.start]!a} 不能用终端的编码 {error.encoding} 输出，请改用 UTF-8 终端"
        raise _NoAnswer(said, console.FAILED, "failed") from None


# Errors of the engine; while rows are fetched they come through Arrow, as errors of reading.
_ENGINE = (duckdb.Error, pa.ArrowException, OSError)


class _TooLarge(Exception):
    """The memory did not suffice before a row was written."""


def _attempt(asked: Asked, sql: str, form: _Form, clock: _Clock, *, spilling: bool) -> int:
    with open_for_queries(asked, spilling=spilling) as connection, clock.running(connection):
        tables = published_tables(connection)
        answer = Answer(connection, judge(connection, sql, tables), tables)
        try:
            write: Writing = form(answer)
        except _ENGINE as error:
            if spilling or "Out of Memory" not in str(error):
                raise
            raise _TooLarge from None
        return write()


class _Clock:
    """Breaks off the statements of a connection once a query's time is up."""

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
            # Again and again: between two statements there is nothing to break off.
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


# Seconds until a query that goes on is interrupted again.
_AGAIN = 0.2

# What the engine's errors mean, by the word that they begin with. Their own words follow.
_MEANINGS = {
    "Parser": "SQL 有语法错误，请按下面指出的位置修改",
    "Binder": "查询中的名称、函数或类型用得不对，请按下面指出的位置修改",
    "Catalog": "查询中的名称不存在，请按下面指出的位置修改；有哪些表，请查询 SHOW TABLES",
    "Conversion": "有的值不能转换成所要的类型；不能转换时要空值，请用 TRY_CAST",
    "Out of Range": "有的值超出了类型的范围",
    "Invalid Input": "有的值不能这样计算",
    "Permission": "查询只能读取已发布的表",
    "Not implemented": "数据库引擎不支持这种写法",
    "IO": "读写文件时出错；请运行 zhenjie doctor",
    "INTERNAL": "数据库引擎内部出错；请换一种写法，仍然出错时运行 zhenjie doctor",
}
_KIND = re.compile(r"([A-Za-z ]+) Error: ")
_FULL = re.compile(
    r"No space left|max_temp_directory_size|Disk quota|failed to (offload|write)", re.IGNORECASE
)


def _explained(error: Exception, clock: _Clock) -> _NoAnswer:
    """An error of the engine: a sentence in Chinese, and below it what the engine says."""
    text = str(error)
    if clock.is_up and "INTERRUPT" in text.upper():
        said = (
            f"查询超过 {clock.seconds} 秒，已中止；已输出的部分不完整。"
            "请缩小查询的范围，或用 ZHENJIE_QUERY_SECONDS 放宽时限"
        )
        return _NoAnswer(said, console.FAILED, "failed")
    if _FULL.search(text):
        said = "磁盘空间不足以存放查询的中间结果。请在安装目录所在的磁盘上腾出空间，或缩小查询的范围"
        return _NoAnswer(f"{said}\n{text}", console.FAILED, "failed")
    if "Out of Memory" in text:
        said = "内存不足以完成查询。请缩小查询的范围，或用 ZHENJIE_MEMORY 放宽内存"
        return _NoAnswer(f"{said}\n{text}", console.FAILED, "failed")
    kind = _KIND.match(text)
    meaning = _MEANINGS.get(kind[1], "查询出错") if kind else "查询出错"
    return _NoAnswer(f"{meaning}\n{text}", console.USAGE, "failed")
