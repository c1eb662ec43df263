"""`zhenjie doctor`, `backup`, `restore`, `rekey`: finding damage, the same state elsewhere or under a key."""

from __future__ import annotations

import json
import shlex
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from assets.platform import Platform
from pipelines import console
from pipelines.commands.options import JsonOption, alone, platform_of, settings_of
from returns.ledger.store import Ledger
from returns.packages import damaged_packages
from warehouse.backup import DamagedBackup, restore_backup, write_backup
from warehouse.damage import AGAIN, Damage, delivery_damage, lake_damage, standard_damage, warehouse_damage
from warehouse.encryption import Keys, WrongKey
from warehouse.home import Home
from warehouse.lake import KEYS
from warehouse.leftovers import leftovers, never_received
from warehouse.modes import exposed
from warehouse.names import shown_path
from warehouse.publish import vouch
from warehouse.rekey import other_keys, rekey_lake, rekey_warehouse
from warehouse.standard_database import vouch_standard


def doctor(context: typer.Context, json_: JsonOption = False) -> None:
    """体检：核对交付文件、数据湖、治理库、返还包的校验值和台账的哈希链。 Verify everything that is kept."""
    platform = platform_of(context)
    for what in other_keys(platform.home, platform.lake):
        console.progress(f"{what}：不是用现在的密钥加密的，请运行 zhenjie rekey")
    with alone(platform.home, "zhenjie doctor"):
        faults = list(_faults(platform))
        left = leftovers(platform.home, platform.lake, datetime.now(UTC))
    if json_:
        console.as_json(faults)
    else:
        for fault in faults:
            console.result(fault)
    for path in left:
        console.progress(f"中断的任务留下的文件，不影响使用，下一轮运行会清理：{path}")
    for notice in _notices(platform.home):
        console.progress(notice)
    console.progress("没有发现损坏" if not faults else f"发现 {len(faults)} 处损坏")
    if faults:
        raise typer.Exit(console.SET_ASIDE)


def _notices(home: Home) -> Iterator[str]:
    """What is no damage, and what a person should know of: rights that others have, files that wait for nobody."""
    places = list(exposed(home))
    for place in places:
        what = f"{place.number} 个文件或文件夹" if place.rights == "go=" else "文件夹"
        yield f"其他用户可以读取或改动：{place.path}（{what}）"
    for rights in sorted({place.rights for place in places}):
        quoted = " ".join(shlex.quote(str(place.path)) for place in places if place.rights == rights)
        yield f"请收回权限：chmod {'-R ' if rights == 'go=' else ''}{rights} {quoted}"
    for path in never_received(home):
        yield (
            f"不会被自动接收：{shown_path(path)}（文件夹，或以点开头的文件，一般是没有传完的）。"
            "请核对后改名、移走，或用 zhenjie deliver 交付"
        )


def _faults(platform: Platform) -> Iterator[str]:
    """Everything that is not what it was, in words, with what to do."""
    home = platform.home
    yield from map(str, delivery_damage(home))
    yield from map(str, lake_damage(platform.lake))
    yield from map(str, warehouse_damage(home, platform.lake.keys))
    yield from map(str, standard_damage(home, platform.lake.keys))
    for batch, path in damaged_packages(home):
        yield str(Damage(path, batch, "返还包与目录不符或缺失", AGAIN.format(batch)))
    yield from _ledger_faults(platform)


def _ledger_faults(platform: Platform) -> Iterator[str]:
    try:
        with Ledger.open(platform.ledger_url) as ledger:
            yield from (f"台账第 {fault.seq} 条：{fault.message}" for fault in ledger.verify())
    except SQLAlchemyError as error:
        cause = type(getattr(error, "orig", None) or error).__name__
        yield f"台账无法读取（{cause}）。请检查台账数据库，或从备份恢复"


def rekey(context: typer.Context) -> None:
    """把湖和治理库改用现在的密钥（ZHENJIE_KEY）；没有则改为不加密。 Rewrite all with the present key."""
    platform = platform_of(context)
    try:
        with alone(platform.home, "zhenjie rekey"), platform.engine.connect() as connection:
            partitions = rekey_lake(connection, platform.lake)
            databases = rekey_warehouse(platform.home, platform.keys)
            vouch(platform.home)
            vouch_standard(platform.home)
    except WrongKey as error:
        raise console.usage(str(error)) from None
    console.result(f"改写了 {partitions} 个分区、{databases} 个治理库文件")


def backup(
    context: typer.Context,
    archive: Annotated[Path, typer.Argument(help="备份文件（.tar）", dir_okay=False)],
) -> None:
    """备份整个安装目录。 Everything below the home, in one tar file."""
    platform = platform_of(context)
    if archive.exists():
        raise console.usage(f"{archive} 已存在，请换一个文件名")
    with alone(platform.home, "zhenjie backup"):
        size = write_backup(platform.home, archive)
    if settings_of(context).ledger_url is not None:
        console.progress("台账不在安装目录中（ZHENJIE_LEDGER），请用数据库自己的工具另行备份")
    console.result(f"{archive}  {size:,} bytes")


def restore(
    context: typer.Context,
    archive: Annotated[Path, typer.Argument(help="备份文件（.tar）", exists=True, dir_okay=False)],
) -> None:
    """把备份恢复到空的安装目录，并做体检。 A backup into an empty home, then the doctor."""
    home = Home(settings_of(context).home)
    if home.root.exists() and any(home.root.iterdir()):
        raise console.usage(f"{home.root} 不是空的，请用 --home 指定一个新目录")
    try:
        _check_keys(archive, settings_of(context).keys)
        restore_backup(home, archive)
    except (DamagedBackup, tarfile.TarError, EOFError) as error:
        raise console.failed(f"{error}。没有恢复任何内容；请换一份备份") from None
    doctor(context)


def _check_keys(archive: Path, keys: Keys) -> None:
    """Refuse a backup that could not be read, before anything is written."""
    name = f"lake/{KEYS}"
    with tarfile.open(archive) as tar:
        if name not in tar.getnames():
            return
        member = tar.extractfile(name)
        assert member is not None
        needed = json.load(member)["keys"]
    try:
        keys.check(needed, archive)
    except WrongKey as error:
        raise console.usage(str(error)) from None
