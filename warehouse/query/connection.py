"""A connection for queries: the published files, verified and read-only. SQL can reach no other file.

This is the second wall behind `judge`. DuckDB lets SQL reach attached files and the spill folder. Therefore the file
system is switched off when the databases are open, and such a query cannot spill. A query that needs more than the
memory gets an empty folder of its own, which is deleted afterwards. For such a query the published files are attached
through temporary links, which are deleted before the query begins.
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
# Prefix of the folders in which queries spill. The next turn does not touch the folders of running queries.
SCRATCH = "query-"
# The most that a query may spill to the disk.
MOST_SPILLED = "20GiB"


# How often opening is tried when a published file is replaced during opening.
_ATTEMPTS = 5
# DuckDB's lists of tables and columns, which SHOW reads too. A macro of the same name limits them to the published
# tables: DuckDB looks for a macro before its own function.
_LISTS = ("duckdb_tables", "duckdb_columns", "duckdb_views")
_LIST = (
    "CREATE TEMP MACRO {name}() AS TABLE "
    f"SELECT * FROM system.main.{{name}}() WHERE NOT internal AND schema_name <> '{HIDDEN}'"
)


class NotVerified(Exception):
    """A published file differs from the accepted one; names the file and the remedy, in Chinese."""


class _FileReplaced(NotVerified):
    """A published file was replaced during opening: the new file may be an accepted one."""


@dataclass(frozen=True)
class Asked:
    """The databases to query, and the resources.

    `limits` are DuckDB's settings. `standard` says whether the standard tables are attached beside the warehouse.
    `scratch` is the folder in which the query may spill.
    """

    home: Home
    keys: Keys = NO_KEYS
    limits: Mapping[str, str | int] = field(default_factory=dict)
    standard: bool = True
    scratch: Path | None = None


@contextmanager
def open_for_queries(asked: Asked, *, spilling: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can read the published tables and nothing else.

    Args:
        asked: the databases and resources.
        spilling: whether the query may spill.

    Raises:
        NotVerified: a file has no accepted checksum.
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
    """The sealed connection; the stack closes it and its resources."""
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
    """A path for the folder of one query that may spill; the folder does not exist yet."""
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
    """Attach the open file, even if another file has replaced it since."""
    path, there = Path(str(file.name)), os.fstat(file.fileno())
    _check_log(path)
    link = scratch / uuid4().hex if scratch else None
    if link is not None:
        try:
            os.link(path, link)
        except OSError:
            # Some file systems have no links. The file of another owner cannot be linked, nor can we write it.
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
    """Refuse a write-ahead log beside a published file: DuckDB would replay it into the tables."""
    log = log_of(path)
    if log.exists():
        raise NotVerified(f"{log} 不是发布时产生的文件，不予查询。请查明来源并删除它，再运行 zhenjie doctor")


def _seal(connection: duckdb.DuckDBPyConnection, *, spilling: bool) -> None:
    """Switch off access to files and extensions, and lock the settings."""
    connection.execute("SET enable_external_access = false")
    if not spilling:
        connection.execute("SET disabled_filesystems = 'LocalFileSystem'")
    connection.execute("SET allowed_configs = []")
    connection.execute("SET lock_configuration = true")
