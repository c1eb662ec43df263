"""`zhenjie sample` and `zhenjie demo`: a city that nobody lives in, and the loop walked through it."""

from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from assets.platform import Platform
from pipelines import console
from pipelines.commands.loop import CHINA, outcome
from pipelines.commands.options import BatchOption, batch_date, platform_of
from returns.ledger.store import Ledger
from returns.packages import read_index
from returns.replies import take_in
from sample_city.generate import generate
from sample_city.officer import answer
from warehouse.collect import desk

FIRST_BATCH = date(2026, 3, 2)
TURNS_APART = timedelta(days=1)


def sample(
    directory: Annotated[Path, typer.Argument(help="写到哪个文件夹", file_okay=False)],
    residents: Annotated[int, typer.Option(help="人口数", min=100)] = 10_000,
    seed: Annotated[int, typer.Option(help="随机种子")] = 1,
    batch: BatchOption = None,
) -> None:
    """生成示例城市的部门数据与真值。 Departmental extracts of a generated city, and its truth/."""
    made = generate(directory, residents, seed, batch_date(batch) or FIRST_BATCH)
    console.table(
        ["数据集", "文件", "行数"], [(file.dataset, file.path, f"{file.rows:,}") for file in made.files]
    )
    console.result(f"真值（哪里错了、正确的是什么）：{made.truth}")


def demo(
    context: typer.Context,
    residents: Annotated[int, typer.Option(help="人口数", min=100)] = 10_000,
    seed: Annotated[int, typer.Option(help="随机种子")] = 1,
) -> None:
    """演示：示例城市，两轮循环，镇街模拟答复。 The sample city, two turns of the loop with answers."""
    # Dagster takes seconds to import; only the commands that run it pay for it.
    from pipelines.instance import dagster_instance
    from pipelines.turn import run_turn

    platform = platform_of(context)
    instance = dagster_instance(platform.home)
    days = [FIRST_BATCH, FIRST_BATCH + TURNS_APART]
    for turn, day in enumerate(days, start=1):
        console.progress(f"── 第 {turn} 轮，批次 {day} ──")
        folder = platform.home.root / "sample" / day.isoformat()
        made = generate(folder, residents, seed, day)
        console.progress(f"示例城市：{residents:,} 名居民，{len(made.files)} 个部门文件，{folder}")
        desk.deliver(
            platform.home,
            platform.library,
            [file.path for file in made.files],
            day,
            datetime(day.year, day.month, day.day, 8, tzinfo=CHINA),
        )
        done = run_turn(platform, day, instance, console.progress)
        if not done.done:
            console.progress(f"失败：{'、'.join(done.failed)}")
            raise typer.Exit(console.FAILED)
        if turn < len(days):
            accepted, refused = _answer(platform, day, made.truth)
            console.progress(f"镇街答复：接收 {accepted} 条，未接收 {refused} 条，下一批次生效")
    _told(platform, days)


def _answer(platform: Platform, day: date, truth: Path) -> tuple[int, int]:
    """Let the simulated officers answer every township's package, as people would: open, fill in, send back."""
    folder = platform.home.returns(day)
    answered = platform.home.root / "sample" / day.isoformat() / "answered"
    answered.mkdir(parents=True, exist_ok=True)
    index = read_index(folder)
    assert index is not None, "the turn has made its packages"
    accepted = refused = 0
    with Ledger.open(platform.ledger_url) as ledger, platform.engine.connect() as connection:
        for package in index["packages"]:  # type: ignore[attr-defined]
            if "/" in package["file"] or not package["rows"].get("待核实"):
                continue
            book = _unpacked(folder / package["file"], answered)
            answer(book, truth, book)
            intake = take_in(
                connection,
                platform.lake,
                platform.library,
                platform.codes,
                ledger,
                book,
                datetime(day.year, day.month, day.day, 17, tzinfo=UTC),
            )
            accepted += intake.accepted.height
            refused += intake.refused.height
    return accepted, refused


def _unpacked(package: Path, folder: Path) -> Path:
    """The workbook of a package, unpacked."""
    with zipfile.ZipFile(package) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".xlsx"))
        (folder / name).write_bytes(archive.read(name))
    return folder / name


def _told(platform: Platform, days: list[date]) -> None:
    """What happened, turn beside turn, and where it lies."""
    outcomes = [dict(outcome(platform, day)) for day in days]
    figures = ["校核行数", "问题", "待核实工单", "本批次办结"]
    console.table(
        ["", *(f"第 {n} 轮 {day}" for n, day in enumerate(days, start=1))],
        [(name, *(found.get(name) for found in outcomes)) for name in figures],
        title="两轮循环",
    )
    console.result(f"返还包    {platform.home.returns(days[-1])}")
    console.result(f"治理库    {platform.home.warehouse}")
    console.result(f"示例数据  {platform.home.root / 'sample'}")
    console.result('查询示例  zhenjie query "select state, count(*) from quality.ticket group by state"')
