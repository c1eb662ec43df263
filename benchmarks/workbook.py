"""Measures the rows per second of writing and reading a workbook.

Run `python -m benchmarks.workbook [--rows N]`: N rows × 12 text columns, as in a sheet of tickets.
Set POLARS_MAX_THREADS=1 to measure one core.
"""

import argparse
import resource
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import polars as pl

from returns.workbook.model import ReturnSheet, SheetColumn, WorkbookProperties
from returns.workbook.reader import open_workbook
from returns.workbook.writer import write_workbook

_ANSWERS = ("采纳建议", "更正为", "数据无误", "非本辖区", "无法核实")
_PROPERTIES = WorkbookProperties("待核对数据", "示例", datetime(2025, 8, 1))
_COLUMNS = (
    SheetColumn("ticket", "工单号", 20),
    SheetColumn("name", "姓名", 10),
    SheetColumn("resident_id", "证件号码", 22),
    SheetColumn("field", "字段", 12),
    SheetColumn("observed", "现值", 14, wrap=True),
    SheetColumn("suggestion", "建议值", 14, wrap=True),
    SheetColumn("evidence", "依据", 40, wrap=True),
    SheetColumn("address", "住址", 30),
    SheetColumn("phone", "联系电话", 14),
    SheetColumn("answer", "处理结果", 14, editable=True, choices=_ANSWERS),
    SheetColumn("correction", "更正值", 18, editable=True),
    SheetColumn("remark", "说明", 24, editable=True, wrap=True),
)


def made_up_rows(count: int) -> pl.DataFrame:
    """Invented rows of a sheet of tickets, computed from their numbers."""
    number = pl.int_range(count, dtype=pl.Int64)
    noise = (number * 2_654_435_761) % 4_294_967_291
    return pl.select(
        ticket=pl.format("T20250801-{}", number.cast(pl.String).str.zfill(8)),
        name=_pick(noise, "王建国", "李桂英", "欧阳秀兰", "刘志强", "陈丽"),
        resident_id=pl.lit("370602") + (noise * 997 % 10**12).cast(pl.String).str.zfill(12),
        field=_pick(noise // 7, "婚姻状况", "出生日期", "残疾等级"),
        observed=_pick(noise // 11, "未婚", "初婚", "1956-13-02", "二级"),
        suggestion=_pick(noise // 13, "初婚", "丧偶", "1956-12-03", "三级"),
        evidence=pl.format("民政局婚姻登记 J370600-2019-{}，2019-05-20 登记结婚", noise % 999_983),
        address=pl.format("幸福社区{}号楼{}单元{}室", noise % 97, noise % 5 + 1, noise % 2400 + 101),
        phone=(13_800_000_000 + noise % 10**8).cast(pl.String),
        answer=pl.lit(None, dtype=pl.String),
        correction=pl.lit(None, dtype=pl.String),
        remark=pl.lit(None, dtype=pl.String),
    )


def _pick(number: pl.Expr, *words: str) -> pl.Expr:
    return number.mod(len(words)).replace_strict(range(len(words)), words)


def measure(rows: int) -> str:
    """Write and read one workbook of this number of rows; returns the figures as one line."""
    sheet = ReturnSheet("工单", _COLUMNS, made_up_rows(rows), heading="待核对数据", frozen_columns=2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "benchmark.xlsx"
        start = _clocks()
        write_workbook(path, [sheet], _PROPERTIES)
        written = _clocks()
        back = open_workbook(path).read_sheet("工单", {c.title: c.name for c in _COLUMNS})
        read = _clocks()
        megabytes = path.stat().st_size / 1e6
    if back.height != rows:
        raise RuntimeError(f"{rows} rows written, {back.height} read")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return (
        f"{rows:>9,} rows x {len(_COLUMNS)}  write {_speed(rows, start, written)}  "
        f"read {_speed(rows, written, read)}  file {megabytes:5.1f} MB  peak {peak:,.0f} MB\n"
    )


def workbook_speed(rows: int) -> float:
    """Rows of 12 columns written per second of wall clock."""
    sheet = ReturnSheet("工单", _COLUMNS, made_up_rows(rows), heading="待核对数据", frozen_columns=2)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_workbook(Path(folder) / "benchmark.xlsx", [sheet], _PROPERTIES)
        return rows / (time.perf_counter() - start)


def _clocks() -> tuple[float, float]:
    """Wall clock and processor time, in seconds."""
    return time.perf_counter(), time.process_time()


def _speed(rows: int, start: tuple[float, float], end: tuple[float, float]) -> str:
    wall, processor = end[0] - start[0], end[1] - start[1]
    return f"{wall:6.2f} s ({rows / wall:>7,.0f} rows/s; {rows / processor:>7,.0f} per CPU second)"


def main() -> None:
    """Measure one size, or the usual sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[3_000, 30_000, 200_000])
    for rows in parser.parse_args().rows:
        sys.stdout.write(measure(rows))


if __name__ == "__main__":
    main()
