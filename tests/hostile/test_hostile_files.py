"""Files made to do harm: each ends in a refusal in Chinese or in a clean reading, and the next file is read as ever."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from returns.workbook.errors import WorkbookError
from returns.workbook.reader import open_workbook
from schemas.contract.library import Library
from schemas.contract.odcs import read_contract
from tests.hostile.files import CONTRACT, GOOD, LAYOUTS, HostileFile, hostile_files
from tests.hostile.workbooks import sound_workbook, with_cell, with_rows
from warehouse.collect.intake import reception
from warehouse.collect.readers.layout import UnreadableFile
from warehouse.home.folders import Home
from warehouse.isolation import reading
from warehouse.isolation.limits import Limits, Manner, limits_of
from warehouse.isolation.pool import Pool, ReadingStopped
from warehouse.isolation.reading import HarmfulFile, read, recognise, unpack

BATCH, AT = date(2026, 3, 2), datetime(2026, 3, 2, 8)

# Hundreds of megabytes, or many seconds before a limit holds: tests/slow has these too.
HEAVY = {
    "敌意-field-without-end.csv", "敌意-holes.csv", "敌意-one-line.csv", "敌意-line-below-headings.csv",
    "敌意-text-of-300-MB.db", "敌意-cell-of-80-MB.xlsx", "敌意-bomb.zip", "敌意-members-without-end.zip",
    "敌意-million-columns.csv", "敌意-returns-only.csv", "敌意-empty-lines.csv", "敌意-million-sheets.xlsx",
    "敌意-headings-a-million-times.csv", "敌意-merged-a-million-times.xlsx", "敌意-all-deleted.dbf",
    "敌意-cells-without-place.xlsx", "敌意-million-texts.xlsx", "敌意-million-styles.xlsx", "敌意-quotes-only.csv",
    "敌意-rows-without-end.xlsx", "敌意-column-that-takes-for-ever.db", "敌意-million-fields.csv",
    "敌意-root-in-the-schema.db", "敌意-two-thousand-columns.db", "敌意-deep-nesting.xlsx", "敌意-shared-bomb.xlsx",
}  # fmt: skip
FILES = [each for each in hostile_files() if each.name not in HEAVY]

REFUSAL = re.compile(r"^文件“[^”]+”：.+请.+。$", re.S)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 2}) as database:
        yield database


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Tighter limits than those of the table."""

    def tighten(**limits: int) -> None:
        def tight(manner: Manner, size: int) -> Limits:
            return replace(limits_of(manner, size), **limits)

        monkeypatch.setattr(reading, "limits_of", tight)

    return tighten


def good(folder: Path) -> Path:
    path = folder / "敌意-good.csv"
    path.write_text(GOOD, encoding="utf-8")
    return path


def take_in(path: Path, connection: duckdb.DuckDBPyConnection, scratch: Path) -> int:
    """The rows of a file, or of those in it."""
    members = unpack(path, scratch) if path.suffix == ".zip" else None
    paths = [path] if members is None else [member.path for member in members]
    return sum(_rows(each, connection, scratch) for each in paths if each.suffix in LAYOUTS)


def _rows(path: Path, connection: duckdb.DuckDBPyConnection, scratch: Path) -> int:
    layout = LAYOUTS[path.suffix]
    recognise(path, layout)
    found = read(path, layout, connection, "delivered", spool=scratch)
    ((rows,),) = connection.execute("SELECT count(*) FROM delivered").fetchall()
    assert rows == found.rows
    return int(rows)


@pytest.mark.parametrize("file", FILES, ids=lambda each: each.name.removeprefix("敌意-"))
def test_a_hostile_file_is_refused_or_read_and_nothing_else_is_harmed(
    file: HostileFile, tmp_path: Path, connection: duckdb.DuckDBPyConnection, narrow: Callable[..., None]
) -> None:
    path = tmp_path / file.name
    file.write(path)
    narrow(processor=5, wall=20)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    try:
        take_in(path, connection, scratch)
    except UnreadableFile as refusal:
        assert REFUSAL.match(str(refusal))
    narrow()
    assert take_in(good(tmp_path), connection, tmp_path / "next") == 1
    if path.suffix != ".zip":
        assert list(scratch.iterdir()) == []


def large(path: Path) -> None:
    """Write a workbook of some ten megabytes."""
    rows = b"".join(
        b'<row r="%d"><c r="A%d"><v>%d</v></c><c r="B%d"><v>%d</v></c></row>'
        % (row, row, row, row, row * 7919)
        for row in range(5, 150_000)
    )
    path.write_bytes(with_rows(rows))


def test_a_file_that_takes_too_much_memory_is_refused_and_says_how_much(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection, narrow: Callable[..., None]
) -> None:
    path = tmp_path / "敌意.xlsx"
    large(path)
    assert take_in(path, connection, tmp_path) == 2 + 149_995
    reading.POOL.close()
    narrow(memory=16 << 20)
    with pytest.raises(HarmfulFile, match=r"内存超过了上限 16 MB.+其他文件不受影响"):
        take_in(path, connection, tmp_path)


def test_a_worker_that_crashes_is_told_of_and_replaced(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    path = slow(tmp_path)
    refused: list[str] = []

    def work() -> None:
        try:
            take_in(path, connection, tmp_path)
        except HarmfulFile as error:
            refused.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    _until(lambda: any(tmp_path.glob("reading-*")))
    (worker,) = reading.POOL._busy
    os.kill(worker._process.pid, signal.SIGABRT)
    thread.join()
    assert "读取它的程序出错中止（SIGABRT）" in refused[0]
    assert take_in(good(tmp_path), connection, tmp_path) == 1


def slow(folder: Path) -> Path:
    """A text over which every reader takes a while."""
    path = folder / "敌意.csv"
    path.write_bytes(GOOD.encode() + b"\r" * (8 << 20))
    return path


def test_a_file_that_takes_too_long_is_refused(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection, narrow: Callable[..., None]
) -> None:
    path = slow(tmp_path)
    for limits in ({"processor": 1}, {"wall": 1}):
        narrow(**limits)
        began = time.monotonic()
        with pytest.raises(HarmfulFile, match="时间超过了上限"):
            take_in(path, connection, tmp_path)
        assert time.monotonic() - began < 25


def test_what_is_read_has_a_limit_too(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection, narrow: Callable[..., None]
) -> None:
    path = tmp_path / "敌意.csv"
    path.write_text("键,值\n" + "".join(f"K{n},{n * 7919}\n" for n in range(50_000)), encoding="utf-8")
    narrow(output=100_000)
    with pytest.raises(HarmfulFile, match="读出的内容超过了上限"):
        take_in(path, connection, tmp_path)
    narrow(answer=100)
    with pytest.raises(HarmfulFile, match="出错中止"):
        take_in(path, connection, tmp_path)


def test_a_worker_sees_no_key_no_other_file_and_no_network(tmp_path: Path) -> None:
    """What `worker` confines its threads to, asked of a process of its own."""
    secret, own, scratch = tmp_path / "ledger.sqlite", tmp_path / "敌意.csv", tmp_path / "scratch"
    scratch.mkdir()
    for path in (secret, own):
        path.write_text("x", encoding="utf-8")
    script = f"""
import socket, sys
from pathlib import Path
from warehouse.isolation.confine import confine, give_up_privileges
give_up_privileges()
print(confine([Path({str(own)!r})], [Path({str(scratch)!r})]))
def tried(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "done"
print(tried(Path({str(own)!r}).read_text), tried((Path({str(scratch)!r}) / "rows").touch))
print(tried(Path({str(secret)!r}).read_text), tried(Path({str(own)!r}).unlink), tried(Path("/etc/passwd").read_text))
print(tried(lambda: socket.create_connection(("127.0.0.1", 9), 1)))
"""
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    if said[0] == "False":
        pytest.skip("this kernel has no Landlock")
    assert said[1:3] == ["done", "done"]
    assert said[3:6] == ["PermissionError"] * 3
    assert said[6] in ("PermissionError", "ConnectionRefusedError")


def test_a_worker_that_was_killed_is_replaced_and_one_that_ended_is_not_missed(tmp_path: Path) -> None:
    pool, path = Pool(), good(tmp_path)
    request = reading.Recognise(path, LAYOUTS[".csv"])
    limits = limits_of("pieces", 100)
    try:
        assert "answer" in pool.ask(request, limits).value
        (worker,) = pool._idle
        os.kill(worker._process.pid, signal.SIGKILL)
        worker._process.wait()
        assert "answer" in pool.ask(request, limits).value
        assert pool._idle[0] is not worker
    finally:
        pool.close()


def test_a_worker_dies_with_its_parent_though_native_code_is_busy(tmp_path: Path) -> None:
    path = slow(tmp_path)
    script = f"""
import threading, time
from pathlib import Path
from warehouse.isolation import reading
from tests.hostile.files import LAYOUTS
import duckdb
reading.get_ready()
print(reading.POOL._idle[0]._process.pid, flush=True)
reading.read(Path({str(path)!r}), LAYOUTS[".csv"], duckdb.connect(), "t", spool=Path({str(tmp_path)!r}))
"""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        _until(lambda: any(tmp_path.glob("reading-*")))
        parent.kill()
    _until(lambda: not _runs(worker))


def _runs(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False


def _until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_reading_is_broken_off_when_the_run_is_to_end(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    path = slow(tmp_path)
    raised: list[BaseException] = []

    def work() -> None:
        try:
            take_in(path, connection, tmp_path)
        except ReadingStopped as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    _until(lambda: any(tmp_path.glob("reading-*")))
    while thread.is_alive():
        reading.stop_reading()
        thread.join(0.05)
    assert raised
    assert take_in(good(tmp_path), connection, tmp_path) == 1


def test_the_desk_takes_the_files_between_hostile_ones_and_sets_each_of_these_aside(tmp_path: Path) -> None:
    (tmp_path / "contract.yaml").write_text(CONTRACT, encoding="utf-8")
    library = Library((read_contract(tmp_path / "contract.yaml"),), ())
    bad = tmp_path / "敌意-bad.xlsx"
    bad.write_bytes(with_cell(b'r="ZZZZ900"'))
    pipe, link, plug, folder = (tmp_path / f"敌意-{name}.csv" for name in ("pipe", "link", "plug", "folder"))
    os.mkfifo(pipe)
    link.symlink_to(good(tmp_path))
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(plug))
        files = [bad, pipe, link, Path("/dev/zero"), plug, folder, good(tmp_path)]
        receipts = reception.deliver(Home(tmp_path / "home"), library, files, BATCH, AT)
    assert [each.status for each in receipts] == ["set_aside"] * 6 + ["received"]
    said = [re.split("[：，]", each.message)[1] for each in receipts[1:6]]
    assert said == ["是管道", "是符号链接", "是设备", "是套接字", "是文件夹"]


def test_an_answered_workbook_is_read_by_a_worker_too(tmp_path: Path, narrow: Callable[..., None]) -> None:
    path = tmp_path / "答复.xlsx"
    path.write_bytes(sound_workbook())
    assert open_workbook(path).read_sheet("Sheet1", {"键": "key", "值": "cell"}).rows() == [
        (2, "K1", "甲"),
        (3, "K2", "乙"),
    ]
    large(path)
    reading.POOL.close()
    narrow(memory=16 << 20)
    with pytest.raises(WorkbookError, match="内存超过了上限"):
        open_workbook(path).read_sheet("Sheet1", {"键": "key"})
    pipe = tmp_path / "管道.xlsx"
    os.mkfifo(pipe)
    with pytest.raises(WorkbookError, match="是管道"):
        open_workbook(pipe)
