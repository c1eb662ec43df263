"""`zhenjie sample` and `zhenjie demo`: a city that nobody lives in, and the loop walked through it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.loop import FIGURES, outcome
from pipelines.commands.options import BatchOption, batch_date, linted_platform_of
from pipelines.demonstration import AMENDED, FIRST_BATCH, SECOND_BATCH, Demonstration
from pipelines.terminal import console
from returns.replies.take_in import Intake
from sample_city.generate import generate
from warehouse.collect.intake import reception

Residents = Annotated[int, typer.Option(help="人口数", min=100)]
Seed = Annotated[int, typer.Option(help="随机种子")]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="YYYY-MM-DD", help="上一次交付的日期：能交增量的数据只写此后的变化"),
]


def sample(
    directory: Annotated[Path, typer.Argument(help="写到哪个文件夹", file_okay=False)],
    residents: Residents = 10_000,
    seed: Seed = 1,
    batch: BatchOption = None,
    since: SinceOption = None,
    clean: Annotated[bool, typer.Option("--clean", help="不植入错误")] = False,
) -> None:
    """生成示例城市的部门数据与真值。 Departmental extracts of a generated city, and its truth/."""
    try:
        made = generate(
            directory,
            residents,
            seed,
            batch_date(batch) or FIRST_BATCH,
            since=batch_date(since, "--since"),
            clean=clean,
        )
    except ValueError as error:
        raise console.usage(str(error)) from None
    console.table(
        ["数据集", "文件", "行数"], [(file.dataset, file.path, f"{file.rows:,}") for file in made.files]
    )
    console.result(f"真值（哪里错了、正确的是什么）：{made.truth}")


def demo(context: typer.Context, residents: Residents = 10_000, seed: Seed = 1) -> None:
    """演示：示例城市，两轮循环，镇街模拟答复。 The sample city, two turns of the loop with answers."""
    # A lazy import: Dagster takes seconds to import, and only commands that run it need it.
    from pipelines.run.instance import dagster_instance
    from pipelines.run.turn import run_turn

    platform = replace(linted_platform_of(context), thresholds=AMENDED)
    city = Demonstration(platform, residents, seed)
    if reception.batches(platform.home) and not city.samples.exists():
        raise console.usage(f"{platform.home.root} 中已有交付的数据；请用 --home 为演示指定另一个目录")
    instance = dagster_instance(platform.home)
    days = [FIRST_BATCH, SECOND_BATCH]
    for turn, day in enumerate(days, start=1):
        console.progress(f"── 第 {turn} 轮，批次 {day} ──")
        made = city.deliver(day)
        console.progress(f"示例城市：{residents:,} 名居民，{len(made.files)} 个部门文件，{made.truth.parent}")
        done = run_turn(platform, day, instance, console.progress)
        if not done.done:
            raise console.failed(f"失败：{'、'.join(done.failed)}")
        if day != days[-1]:
            _tell_answers(city.answer(day))
    _tell(city, days)


def _tell_answers(intakes: list[Intake]) -> None:
    accepted = sum(intake.accepted.height for intake in intakes)
    refused = sum(intake.refused.height for intake in intakes)
    repeated = sum(intake.repeated for intake in intakes)
    console.progress(
        f"镇街答复：{len(intakes)} 个工作簿（其中以前交过 {repeated} 个），"
        f"接收 {accepted} 条，未接收 {refused} 条，下一批次生效"
    )


def _tell(city: Demonstration, days: list[date]) -> None:
    """Print the figures of each turn side by side, and the places of the results."""
    platform = city.platform
    outcomes = [outcome(platform, day) for day in days]
    console.table(
        ["", *(f"第 {n} 轮 {day}" for n, day in enumerate(days, start=1))],
        [(title, *(f"{found[name]:,}" for found in outcomes)) for name, title in FIGURES.items()],
        title="两轮循环",
    )
    console.result(f"返还包    {platform.home.returns(days[-1])}")
    console.result(f"治理库    {platform.home.warehouse}")
    console.result(f"示例数据  {city.samples}")
    console.result('查询示例  zhenjie query "select state, count(*) from quality.ticket group by state"')
