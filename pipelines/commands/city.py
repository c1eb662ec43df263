"""`zhenjie sample` and `zhenjie demo`: a city that nobody lives in, and the loop walked through it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from assets.platform import Platform
from pipelines import console
from pipelines.commands.loop import FIGURES, outcome
from pipelines.commands.options import CHINA, BatchOption, batch_date, platform_of
from pipelines.intake import take_in_all
from returns.declared import sheet_standard
from returns.packages import read_index
from returns.replies import SHEET
from sample_city.generate import generate
from sample_city.officer import answer
from warehouse.collect import desk

FIRST_BATCH = date(2026, 3, 2)
TURNS_APART = timedelta(days=1)

Residents = Annotated[int, typer.Option(help="人口数", min=100)]
Seed = Annotated[int, typer.Option(help="随机种子")]


def sample(
    directory: Annotated[Path, typer.Argument(help="写到哪个文件夹", file_okay=False)],
    residents: Residents = 10_000,
    seed: Seed = 1,
    batch: BatchOption = None,
) -> None:
    """生成示例城市的部门数据与真值。 Departmental extracts of a generated city, and its truth/."""
    try:
        made = generate(directory, residents, seed, batch_date(batch) or FIRST_BATCH)
    except ValueError as error:
        raise console.usage(str(error)) from None
    console.table(
        ["数据集", "文件", "行数"], [(file.dataset, file.path, f"{file.rows:,}") for file in made.files]
    )
    console.result(f"真值（哪里错了、正确的是什么）：{made.truth}")


def demo(context: typer.Context, residents: Residents = 10_000, seed: Seed = 1) -> None:
    """演示：示例城市，两轮循环，镇街模拟答复。 The sample city, two turns of the loop with answers."""
    # Dagster takes seconds to import; only the commands that run it pay for it.
    from pipelines.instance import dagster_instance
    from pipelines.turn import run_turn

    platform = platform_of(context)
    if desk.batches(platform.home) and not _samples(platform).exists():
        raise console.usage(f"{platform.home.root} 中已有交付的数据；请用 --home 为演示指定另一个目录")
    instance = dagster_instance(platform.home)
    days = [FIRST_BATCH, FIRST_BATCH + TURNS_APART]
    for turn, day in enumerate(days, start=1):
        console.progress(f"── 第 {turn} 轮，批次 {day} ──")
        truth = _deliver(platform, residents, seed, day)
        done = run_turn(platform, day, instance, console.progress)
        if not done.done:
            raise console.failed(f"失败：{'、'.join(done.failed)}")
        if turn < len(days):
            _reply(platform, day, truth)
    _tell(platform, days)


def _samples(platform: Platform) -> Path:
    return platform.home.root / "sample"


def _at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=CHINA)


def _deliver(platform: Platform, residents: int, seed: int, day: date) -> Path:
    """What the departments deliver in the morning; returns the folder of the truth."""
    folder = _samples(platform) / day.isoformat()
    made = generate(folder, residents, seed, day)
    console.progress(f"示例城市：{residents:,} 名居民，{len(made.files)} 个部门文件，{folder}")
    files = [file.path for file in made.files]
    desk.deliver(platform.home, platform.library, files, day, _at(day, 8))
    return made.truth


def _reply(platform: Platform, day: date, truth: Path) -> None:
    """Let the simulated officers answer every township's package as people do: open, fill in, send back."""
    intakes = list(take_in_all(platform, _answered(platform, day, truth), _at(day, 17)))
    accepted = sum(intake.accepted.height for intake in intakes)
    refused = sum(intake.refused.height for intake in intakes)
    repeated = sum(intake.repeated for intake in intakes)
    console.progress(
        f"镇街答复：{len(intakes)} 个工作簿（其中以前交过 {repeated} 个），"
        f"接收 {accepted} 条，未接收 {refused} 条，下一批次生效"
    )


def _answered(platform: Platform, day: date, truth: Path) -> Iterator[Path]:
    """The workbooks of a batch, answered.

    A spreadsheet program writes the time into the file it saves: a package that was answered before gives
    the file of then, so that it is known again.
    """
    folder = _samples(platform) / day.isoformat() / "answered"
    folder.mkdir(parents=True, exist_ok=True)
    index = read_index(platform.home.returns(day))
    assert index is not None, "the turn has made its packages"
    for package in index.packages:
        if not package.rows.get(sheet_standard(SHEET).title):
            continue
        path = folder / f"{Path(package.file).stem}-{package.sha256[:8]}.xlsx"
        if not path.exists():
            blank = _unpacked(platform.home.returns(day) / package.file, folder)
            answer(blank, truth, blank)
            blank.replace(path)
        yield path


def _unpacked(package: Path, folder: Path) -> Path:
    """The workbook of a package, unpacked."""
    with zipfile.ZipFile(package) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".xlsx"))
        (folder / name).write_bytes(archive.read(name))
    return folder / name


def _tell(platform: Platform, days: list[date]) -> None:
    """What happened, turn beside turn, and where it lies."""
    outcomes = [outcome(platform, day) for day in days]
    console.table(
        ["", *(f"第 {n} 轮 {day}" for n, day in enumerate(days, start=1))],
        [(title, *(f"{found[name]:,}" for found in outcomes)) for name, title in FIGURES.items()],
        title="两轮循环",
    )
    console.result(f"返还包    {platform.home.returns(days[-1])}")
    console.result(f"治理库    {platform.home.warehouse}")
    console.result(f"示例数据  {_samples(platform)}")
    console.result('查询示例  zhenjie query "select state, count(*) from quality.ticket group by state"')
