"""A connection for queries: the published files, verified and read-only, and no way from SQL to any file.

The second wall behind `judge`. DuckDB counts attached files and the folder it spills to among the files that SQL may
reach; so the file system itself is switched off once the databases are open. Then nothing can be spilled. A query that
needs more than the memory gets a folder of its own, empty before and taken away after; the published files are then
attached by names that are gone again when the query begins.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from uuid import uuid4

import duckdb

from warehouse.home.encryption import NO_KEYS, Keys, attach, is_encrypted
from warehouse.home.folders import Home
from warehouse.publish.accepted import HIDDEN, accepted, accepted_standard, log_of
from warehouse.publish.checksums import Checksums
from warehouse.query.judge import DEEPEST
from warehouse.query.verified import is_accepted, open_file

WAREHOUSE, STANDARD = "warehouse", "standard"
# Of folders in which queries spill; the next turn leaves those of running queries alone.
SCRATCH = "query-"
# What a query may spill to the disk.
MOST_SPILLED = "20GiB"


# How often the published files are opened again when one is replaced meanwhile.
_ATTEMPTS = 5
# DuckDB's lists of tables and columns, from which SHOW is answered too: a query sees of them what it may read. DuckDB
# looks for a macro before it looks for a function of its own.
_LISTS = ("duckdb_tables", "duckdb_columns", "duckdb_views")
_LIST = (
    "CREATE TEMP MACRO {name}() AS TABLE "
    f"SELECT * FROM system.main.{{name}}() WHERE NOT internal AND schema_name <> '{HIDDEN}'"
)


class NotVerified(Exception):
    """A published file is not the one that was accepted; says which and what to do, in Chinese."""


class _FileReplaced(NotVerified):
    """A published file was replaced while it was opened: the one that lies there now may be accepted."""


@dataclass(frozen=True)
class Asked:
    """What is queried, and with what.

    `limits` are DuckDB's settings; `standard` is whether the standard tables are wanted beside the warehouse;
    `scratch` is the folder in which the query may spill.
    """

    home: Home
    keys: Keys = NO_KEYS
    limits: Mapping[str, str | int] = field(default_factory=dict)
    standard: bool = True
    scratch: Path | None = None


@contextmanager
def open_for_queries(asked: Asked, *, spilling: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which the published tables can be read and nothing else.

    Args:
        asked: what is queried.
        spilling: whether it may spill.

    Raises:
        NotAccepted: a file's checksum is not that of what was accepted.
        WrongKey: a file is encrypted with none of the keys.
        OSError: there is no published file, or it cannot be read.
        duckdb.Error: it cannot be opened.
    """
    with ExitStack() as stack:
        for _ in range(_ATTEMPTS - 1):
            try:
                connection = _open(asked, stack, spilling=spilling)
                break
            except _FileReplaced:
                # A turn is publishing.
                stack.close()
        else:
            connection = _open(asked, stack, spilling=spilling)
        yield connection


def _open(asked: Asked, stack: ExitStack, *, spilling: bool) -> duckdb.DuckDBPyConnection:
    """The sealed connection; the stack closes it with all that it needs."""
    home = asked.home
    files = {WAREHOUSE: stack.enter_context(_verified(home, home.warehouse, accepted))}
    if asked.standard and home.standard.exists():
        files[STANDARD] = stack.enter_context(_verified(home, home.standard, accepted_standard))
    scratch = stack.enter_context(_scratch(asked)) if spilling else None
    connection = stack.enter_context(duckdb.connect(":memory:", config=_settings(asked, scratch)))
    connection.execute("SET python_enable_replacements = false")
    connection.execute(f"SET max_expression_depth = {DEEPEST}")
    if any(is_encrypted(Path(str(file.name))) for file in files.values()):
        asked.keys.prepare(connection)
    for name, file in files.items():
        _attach(connection, name, file, scratch, asked.keys)
    connection.execute(f"USE {WAREHOUSE}")
    for name in _LISTS:
        connection.execute(_LIST.format(name=name))
    _seal(connection, spilling=spilling)
    return connection


def _settings(asked: Asked, scratch: Path | None) -> dict[str, str | bool | int | float | list[str]]:
    spilled: dict[str, str] = {"temp_directory": str(scratch) if scratch else ""}
    if scratch:
        spilled["max_temp_directory_size"] = MOST_SPILLED
    never = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    return {**asked.limits, **spilled, **never}


@contextmanager
def _verified(home: Home, path: Path, known: Callable[[Home], Checksums]) -> Iterator[FileIO]:
    before = known(home)
    with open_file(path) as file:
        if not is_accepted(home, path.name, file, before.of_current, time.time_ns()):
            moved = known(home) != before or path.stat().st_ino != os.fstat(file.fileno()).st_ino
            raise (_FileReplaced if moved else NotVerified)(
                f"{path} 与通过验收时的校验值不符，文件可能被替换或损坏，不予查询。"
                "请运行 zhenjie doctor 查看，再运行 zhenjie run 重新发布；若文件被人替换过，请先查明原因"
            )
        yield file


def scratch_of(home: Home) -> Path:
    """A folder for one query that may spill; it is not made yet."""
    return home.spill / f"{SCRATCH}{uuid4().hex}"


@contextmanager
def _scratch(asked: Asked) -> Iterator[Path]:
    folder = asked.scratch or scratch_of(asked.home)
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _attach(
    connection: duckdb.DuckDBPyConnection, name: str, file: FileIO, scratch: Path | None, keys: Keys
) -> None:
    """Attach the file that is open, whatever has come into its place since."""
    path, there = Path(str(file.name)), os.fstat(file.fileno())
    _check_log(path)
    link = scratch / uuid4().hex if scratch else None
    if link is not None:
        try:
            os.link(path, link)
        except OSError:
            # Not on every file system, and not of another's file; then the file is not writable for us either.
            link = None
    try:
        attach(connection, link or path, name, keys)
        found = (link or path).stat()
    finally:
        if link is not None:
            link.unlink()
    _check_log(path)
    if (found.st_dev, found.st_ino) != (there.st_dev, there.st_ino):
        raise _FileReplaced(f"{path} 在打开时被替换（可能正在发布新的一版），请再查询一次")


def _check_log(path: Path) -> None:
    """No write-ahead log lies beside a published file: DuckDB would replay it into what is read."""
    log = log_of(path)
    if log.exists():
        raise NotVerified(f"{log} 不是发布时产生的文件，不予查询。请查明来源并删除它，再运行 zhenjie doctor")


def _seal(connection: duckdb.DuckDBPyConnection, *, spilling: bool) -> None:
    """Close every way out, and keep it closed."""
    connection.execute("SET enable_external_access = false")
    if not spilling:
        connection.execute("SET disabled_filesystems = 'LocalFileSystem'")
    connection.execute("SET allowed_configs = []")
    connection.execute("SET lock_configuration = true")
