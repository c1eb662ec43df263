"""`zhenjie doctor`, `backup`, `restore`: finding damage, and the same state elsewhere."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from assets.platform import Platform
from pipelines import console
from pipelines.commands.options import JsonOption, platform_of, settings_of
from returns.ledger.store import Ledger
from warehouse.home import Home
from warehouse.lake import DamagedPartition, Lake, verify

# What can be made again from the rest, or belongs to this machine alone.
NOT_KEPT = ("spill", "dagster")


def doctor(context: typer.Context, json_: JsonOption = False) -> None:
    """体检：湖中每个分区的校验值，台账的哈希链。 Verify every partition and the ledger's chain."""
    platform = platform_of(context)
    faults = [*lake_faults(platform.lake), *_ledger_faults(platform)]
    if json_:
        console.as_json(faults)
    else:
        for fault in faults:
            console.result(fault)
    console.progress("没有发现损坏" if not faults else f"发现 {len(faults)} 处损坏")
    if faults:
        raise typer.Exit(console.SET_ASIDE)


def lake_faults(lake: Lake) -> Iterator[str]:
    """Every damaged partition of the lake, in words."""
    for layer, table, batch in lake.places():
        partition = lake.partition(layer, table, batch)
        assert partition is not None
        try:
            verify(partition)
        except DamagedPartition as error:
            yield str(error)


def _ledger_faults(platform: Platform) -> list[str]:
    with Ledger.open(platform.ledger_url) as ledger:
        return [f"台账第 {fault.seq} 条：{fault.message}" for fault in ledger.verify()]


def backup(
    context: typer.Context,
    archive: Annotated[Path, typer.Argument(help="备份文件（.tar）", dir_okay=False)],
) -> None:
    """备份整个安装目录。 Everything below the home, in one tar file."""
    home = platform_of(context).home
    if archive.exists():
        raise console.usage(f"{archive} 已存在，请换一个文件名")
    draft = archive.with_name(f".{archive.name}")
    with tarfile.open(draft, "w") as tar:
        for child in sorted(home.root.iterdir()):
            if child.name not in NOT_KEPT and child.resolve() not in (draft.resolve(), archive.resolve()):
                tar.add(child, arcname=child.name)
    draft.replace(archive)
    console.result(f"{archive}  {archive.stat().st_size:,} bytes")


def restore(
    context: typer.Context,
    archive: Annotated[Path, typer.Argument(help="备份文件（.tar）", exists=True, dir_okay=False)],
) -> None:
    """把备份恢复到空的安装目录，并做体检。 A backup into an empty home, then the doctor."""
    home = Home(settings_of(context).home)
    if home.root.exists() and any(home.root.iterdir()):
        raise console.usage(f"{home.root} 不是空的，请用 --home 指定一个新目录")
    home.root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        tar.extractall(home.root, filter="data")
    doctor(context)
