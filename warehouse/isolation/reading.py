"""Opens files from outside: a worker reads them, within limits. The platform opens them in no other way.

Each function returns the result of the reader of the same name in `warehouse.collect`, and fills the same tables. If
the worker ends because of a file, the file is refused with a message for its sender, like any unreadable file. The
error is a `HarmfulFile`: the caller must not try another way to read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.emit.sql import literal, quote
from schemas.formats import load_formats
from warehouse.collect.infer.sample import TABLE as SAMPLE
from warehouse.collect.infer.sample import Sample
from warehouse.collect.intake.archive import MOST_BYTES, ArchiveMember
from warehouse.collect.readers.foreign import Foreign
from warehouse.collect.readers.layout import Layout, Reading, Recognition, UnreadableFile, unreadable
from warehouse.collect.readers.text.encoding import ZIP
from warehouse.collect.readers.text.line_hash import EndlessLine, Excerpt, RecordLines, hashes_of
from warehouse.home.files import open_regular, special_kind
from warehouse.isolation.limits import Limits, Manner, limits_of
from warehouse.isolation.messages import BadMessage, made
from warehouse.isolation.pool import POOL, Harmed, WorkerAnswer
from warehouse.isolation.process import Harm
from warehouse.isolation.requests import (
    HASHES,
    ROWS,
    WANTED,
    HashLines,
    LoadCells,
    NameKind,
    OpenBook,
    OpenedBook,
    Read,
    ReadSample,
    ReadSome,
    Recognise,
    Request,
    SheetCells,
    Unpack,
)

Connection = duckdb.DuckDBPyConnection

T = TypeVar("T")

# The first bytes of an archive; the second is an empty archive.
_ARCHIVES = (ZIP, b"PK\x05\x06")


class HarmfulFile(UnreadableFile):
    """A file that ended its worker, or a path that is not a regular file. The caller must not try again."""


def recognise(path: Path, layout: Layout) -> Recognition:
    """The format and the columns of a delivered file.

    Raises:
        UnreadableFile: it cannot be read with this layout; the message is for the department.
        HarmfulFile: it cannot be read with any layout.
    """
    return _asked(Recognition, Recognise(path.absolute(), layout), _manner(layout))


def foreign_kind(path: Path) -> Foreign | None:
    """The kind of a file that the platform does not read; None for a readable or an unknown file.

    Raises:
        HarmfulFile: the file ended its worker.
    """
    return _asked(Foreign | None, NameKind(path.absolute()), "archive")  # type: ignore[arg-type]


def read(path: Path, layout: Layout, connection: Connection, table: str, *, spool: Path) -> Reading:
    """Read a delivered file into a table of text, in the order of the file; see `warehouse.collect.readers.read`.

    Raises:
        UnreadableFile: it cannot be read with this layout; the message is for the department.
    """
    with _scratch(spool) as scratch:
        request = Read(path.absolute(), layout, scratch, _threads(connection))
        reading = _asked(Reading, request, _manner(layout))
        columns = ["_row", *(column.name for column in layout.columns)]
        _fill(connection, table, path, scratch / ROWS, columns, sheets=layout.several_sheets)
        if reading.lines is not None:
            _fill(connection, hashes_of(table), path, scratch / HASHES, ["_row", "_hash", "_check"])
    return _of(path, reading)


def keep_hashes(connection: Connection, table: str, lines: RecordLines, *, spool: Path) -> int:
    """Write the hashes of a text's records beside a table, and count them.

    Raises:
        EndlessLine: the file does not have one record on each line.
        HarmfulFile: the file ended its worker.
    """
    with _scratch(spool) as scratch:
        count = _asked(int | None, HashLines(lines, scratch, _threads(connection)), "pieces")  # type: ignore[arg-type]
        if count is None:
            raise EndlessLine
        _fill(connection, hashes_of(table), lines.path, scratch / HASHES, ["_row", "_hash", "_check"])
    return int(count)


def read_some(
    path: Path,
    layout: Layout,
    connection: Connection,
    table: str,
    spool: Path,
    wanted: Excerpt,
) -> Reading | None:
    """Fill a table with some records of a text, as `read` does with all; see `readers.delimited.read_some`.

    Records with a remark lose their hashes beside the table.

    Returns:
        The reading of these records, or None if the text does not have one record on each line.

    Raises:
        UnreadableFile: as `read`.
    """
    with _scratch(spool) as scratch:
        np.save(scratch / WANTED, wanted.rows, allow_pickle=False)
        request = ReadSome(path.absolute(), layout, wanted.lines, scratch, _threads(connection))
        reading: Reading | None = _asked(Reading | None, request, _manner(layout))  # type: ignore[arg-type]
        if reading is None:
            return None
        _fill(connection, table, path, scratch / ROWS, ["_row", *(column.name for column in layout.columns)])
        kept = f"{table} kept"
        _fill(connection, kept, path, scratch / HASHES, ["_row"])
    connection.register("read_wanted", pa.table({"_row": wanted.rows}))
    try:
        connection.execute(
            f"DELETE FROM {quote(hashes_of(table))} "
            f"WHERE _row IN (FROM read_wanted) AND _row NOT IN (FROM {quote(kept)})"
        )
    finally:
        connection.unregister("read_wanted")
        connection.execute(f"DROP TABLE {quote(kept)}")
    return _of(path, reading)


def read_sample(path: Path, part: str | None, connection: Connection, spool: Path) -> Sample:
    """Read a file without a contract into the table `sample_rows`; see `warehouse.collect.infer.sample.read_sample`.

    Raises:
        UnreadableFile: it cannot be read as a table; in Chinese.
    """
    with _scratch(spool) as scratch:
        sample = _asked(Sample, ReadSample(path.absolute(), part, scratch, _threads(connection)), "block")
        columns = ["_row", *(f"c{place}" for place in range(len(sample.headings)))]
        _fill(connection, SAMPLE, path, scratch / ROWS, columns)
    return sample


def unpack(path: Path, folder: Path, largest: int = MOST_BYTES) -> list[ArchiveMember] | None:
    """Unpack an archive, each member into its own folder; None if the file is not an archive.

    Args:
        path: the archive.
        folder: where its members go.
        largest: how many bytes a member may have.

    Raises:
        UnreadableFile: the archive cannot be accepted; in Chinese.
    """
    # A worker may only create folders below this folder.
    folder.mkdir(parents=True, exist_ok=True)
    request = Unpack(path.absolute(), folder.absolute(), largest)
    members = _asked(tuple[ArchiveMember, ...] | None, request, "archive")  # type: ignore[arg-type]
    if members is None:
        return None
    found = list(members)
    for member in found:
        inside = member.path.is_relative_to(folder.absolute()) and ".." not in member.path.parts
        if not inside or special_kind(member.path) is not None:
            raise _harmful(path, "crash", _of_size("archive", path), "members")
    return found


def may_be_archive(path: Path) -> bool:
    """Whether a file begins like a zip; a workbook also does.

    Raises:
        HarmfulFile: it is not a regular file.
    """
    _size(path)
    with open_regular(path) as file:
        return file.read(len(ZIP)).startswith(_ARCHIVES)


def open_book(path: Path, most_cells: int, most_unpacked: int) -> OpenedBook:
    """The sheets of a workbook (XLSX), or the reason why it cannot be opened.

    Raises:
        HarmfulFile: the file ended its worker.
    """
    return _asked(OpenedBook, OpenBook(path.absolute(), most_cells, most_unpacked), "block")


@dataclass(frozen=True)
class LoadedSheet:
    """A sheet of a workbook from A1, column by column; rows count from 0.

    Attributes:
        texts: the cells as a person sees them.
        numbers: the rows whose cells hold a number.
        errors: the rows whose cells show an error.
        unreadable: the rows whose cells show an error, or hold a formula without a result.
    """

    texts: tuple[pa.ChunkedArray, ...]
    numbers: tuple[npt.NDArray[np.intp], ...]
    errors: tuple[npt.NDArray[np.intp], ...]
    unreadable: tuple[npt.NDArray[np.intp], ...]

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.texts)


def load_sheet(path: Path, most_cells: int, most_unpacked: int, sheet: str) -> LoadedSheet | None:
    """All cells of a sheet of a workbook.

    Returns:
        None if the sheet is damaged.

    Raises:
        HarmfulFile: the file ended its worker.
    """
    answer = _answer(LoadCells(OpenBook(path.absolute(), most_cells, most_unpacked), sheet), "block")
    try:
        width = made(SheetCells, answer.value).width
        if width is None:
            return None
        with pa.ipc.open_stream(answer.attached) as stream:
            table = stream.read_all()
        table.validate(full=True)
        if table.schema.types != [pa.string()] * width + [pa.bool_()] * 3 * width:
            raise BadMessage("other columns")
    except (BadMessage, pa.ArrowInvalid):
        raise _harmful(path, "crash", _of_size("block", path), "answer") from None
    columns = table.columns
    marked = [np.flatnonzero(column.to_numpy()) for column in columns[width:]]
    return LoadedSheet(
        tuple(columns[:width]),
        tuple(marked[:width]),
        tuple(marked[width : 2 * width]),
        tuple(marked[2 * width :]),
    )


def _manner(layout: Layout) -> Manner:
    return load_formats()[layout.form].reading


def _asked(kind: type[T], request: Request, manner: Manner) -> T:
    """The answer of a worker, converted to the expected type."""
    try:
        return made(kind, _answer(request, manner).value)
    except BadMessage:
        raise _harmful(request.path, "crash", _of_size(manner, request.path), "answer") from None


def _answer(request: Request, manner: Manner) -> WorkerAnswer:
    """The answer of a worker, not yet checked.

    Raises:
        UnreadableFile, HarmfulFile: the file is refused.
        OSError, duckdb.IOException: a fault of the disk or the system, not of the file.
    """
    limits = limits_of(manner, _size(request.path))
    try:
        answer = POOL.ask(request, limits)
    except Harmed as error:
        raise _harmful(request.path, error.harm, limits, error.detail) from None
    match answer.value:
        case {"answer": value}:
            return WorkerAnswer(value, answer.attached)
        case {"unreadable": str(message)}:
            raise UnreadableFile(message)
        case {"exceeded": "memory" | "output" as harm}:
            raise _harmful(request.path, harm, limits)
        case {"system": [int(number), str(text), str() | None as name]}:
            raise OSError(number, text, name)
        case {"engine": str(message)}:
            raise duckdb.IOException(message)
        case {"unexpected": str(detail)}:
            raise _harmful(request.path, "crash", limits, detail)
    raise _harmful(request.path, "crash", limits, "answer")


def _size(path: Path) -> int:
    """The size in bytes of a regular file.

    Raises:
        HarmfulFile: it is a link, a folder, a pipe, a socket or a device; these are never opened.
    """
    if (kind := special_kind(path)) is not None:
        raise HarmfulFile(str(unreadable(path, f"是{kind}，不是普通文件，没有打开", "交付文件本身")))
    return path.lstat().st_size


def _of_size(manner: Manner, path: Path) -> Limits:
    return limits_of(manner, path.lstat().st_size)


_REMEDY = "核对文件是否由正常的程序导出，用 Excel、WPS 或原程序打开后另存，或分成几个文件，再重新交付"


def _harmful(path: Path, harm: Harm, limits: Limits, detail: str = "") -> HarmfulFile:
    problems = {
        "memory": f"读取它要用的内存超过了上限 {limits.memory >> 20:,} MB",
        "time": f"读取它用的时间超过了上限（{limits.processor:,} 秒处理器时间，或 {limits.wall:,} 秒）",
        "output": f"读出的内容超过了上限 {limits.output >> 20:,} MB",
        "crash": f"读取它的程序出错中止（{detail}）" if detail else "读取它的程序出错中止",
    }
    problem = f"{problems[harm]}，文件可能已损坏或被做过手脚，已停止读取，其他文件不受影响"
    return HarmfulFile(str(unreadable(path, problem, _REMEDY)))


@contextmanager
def _scratch(spool: Path) -> Iterator[Path]:
    """A folder for one request. It is deleted afterwards with everything that the worker left in it."""
    spool.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="reading-", dir=spool, ignore_cleanup_errors=True) as folder:
        yield Path(folder).absolute()


def _threads(connection: Connection) -> int:
    ((threads,),) = connection.execute("SELECT current_setting('threads')").fetchall()
    return int(threads)


def _fill(
    connection: Connection,
    table: str,
    path: Path,
    rows: Path,
    columns: Sequence[str],
    *,
    sheets: bool = False,
) -> None:
    """Create a table of the rows that a worker wrote, in their order.

    Raises:
        HarmfulFile: the worker's file is not such a table.
    """
    types = {"_row": "BIGINT", "_hash": "UBIGINT", "_check": "UBIGINT"}
    wanted = [(name, types.get(name, "VARCHAR")) for name in [*columns, *(["_sheet"] if sheets else [])]]
    source = f"read_parquet({literal(str(rows))})"
    if special_kind(rows) is not None:
        raise _harmful(path, "crash", _of_size("pieces", path), "answer")
    there = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    if sorted((name, type_) for name, type_, *_ in there) != sorted(wanted):
        raise _harmful(path, "crash", _of_size("pieces", path), "answer")
    chosen = ", ".join(quote(name) for name, _ in wanted)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {quote(table)} AS SELECT {chosen} FROM {source}")


def _of(path: Path, reading: Reading) -> Reading:
    """The reading with the platform's own path: the path from the worker is not trusted."""
    if reading.lines is None:
        return reading
    lines = RecordLines(path, reading.lines.above, reading.lines.first)
    return Reading(**{**vars(reading), "lines": lines})


def stop_reading() -> None:
    """Interrupt all reading, in every thread; it fails with `ReadingStopped`."""
    POOL.stop()


def get_ready() -> None:
    """Start a worker while the caller does other work: importing its libraries takes a third of a second."""
    POOL.start()
