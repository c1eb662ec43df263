"""`zhenjie doctor`, `backup`, `restore`, `rekey`: find damage, copy the state elsewhere, change its key."""

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
from pipelines.commands.options import JsonOption, alone, platform_of, settings_of
from pipelines.settings import Settings
from pipelines.terminal import console
from returns.ledger.chain import LedgerLoss
from returns.ledger.deliveries import missing_deliveries, replaced_deliveries
from returns.ledger.heads import KnownHead, LedgerHead
from returns.ledger.losses import ACCEPT, CUT, Gone
from returns.ledger.outside import NoHeads, has_heads, heads_in, known_heads
from returns.ledger.store import Ledger
from returns.packages.build import damaged_packages
from returns.signing.doctor import signing_faults
from warehouse.home.backup import DamagedBackup, restore_backup, write_backup
from warehouse.home.cleanup import leftovers, never_received
from warehouse.home.encryption import Keys, WrongKey
from warehouse.home.folders import Home
from warehouse.home.integrity import (
    AGAIN,
    Damage,
    answer_damage,
    delivery_damage,
    lake_damage,
    pending_switches,
    standard_damage,
    warehouse_damage,
)
from warehouse.home.lost_inputs import lost_partitions
from warehouse.home.modes import exposed
from warehouse.home.names import shown_path
from warehouse.home.register import (
    edited,
    forget_checksums,
    is_edited,
    kept_since,
    missing,
    note,
    registered,
    settle,
)
from warehouse.home.rekey import other_keys, rekey_lake, rekey_warehouse, written_anew
from warehouse.home.replaced import older_register, replaced, unregistered
from warehouse.lake.store import KEYS
from warehouse.publish.standard_database import vouch_standard
from warehouse.publish.switch import vouch


def doctor(context: typer.Context, json_: JsonOption = False) -> None:
    """体检：核对交付文件、数据湖、治理库、返还包的校验值，有没有缺失的，以及台账的哈希链。 Verify all that is kept."""
    _check_exists(settings_of(context).home)
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


def _check_exists(root: Path) -> None:
    """Refuse a home that is missing or empty: the path is wrong, or the disk is not mounted."""
    if not root.is_dir() or not any(root.iterdir()):
        raise console.usage(
            f"{root} 不存在，或是空的。请核对 --home 或 ZHENJIE_HOME，以及磁盘是否已挂载；"
            "新的安装目录在第一次运行 zhenjie deliver 后才有内容"
        )


def _notices(home: Home) -> Iterator[str]:
    """Notices that are not damage: rights of other accounts, files that no command will take in."""
    places = list(exposed(home))
    for place in places:
        what = f"{place.number} 个文件或文件夹" if place.rights == "go=" else "文件夹"
        yield f"其他用户可以读取或改动：{place.path}（{what}）"
    for rights in sorted({place.rights for place in places}):
        quoted = " ".join(shlex.quote(str(place.path)) for place in places if place.rights == rights)
        yield f"请收回权限：chmod {'-R ' if rights == 'go=' else ''}{rights} {quoted}"
    yield from pending_switches(home)
    if home.register.exists() and not home.dagster.exists():
        yield f"{home.dagster}：Dagster 的运行记录缺失（备份中不含它）。下一次运行会新建，不影响数据"
    for path in never_received(home):
        yield (
            f"不会被自动接收：{shown_path(path)}（文件夹，或以点开头的文件，一般是没有传完的）。"
            "请核对后改名、移走，或用 zhenjie deliver 交付"
        )


def _faults(platform: Platform) -> Iterator[str]:
    """Everything that differs from its recorded state, in Chinese, with the remedy."""
    home = platform.home
    # A place may be damaged in several ways: only the first is named.
    places: dict[Path, Damage] = {}
    for damage in _damage(platform):
        places.setdefault(damage.path, damage)
    yield from map(str, places.values())
    yield from (str(damage) for _, damage in missing(home))
    if not home.register.exists() and has_heads(home, platform.keys):
        yield f"{home.register}：登记表缺失。请从备份恢复；下一次运行会按现有内容重新建立，此前缺失的内容则无法核对"
    if is_edited(home):
        yield edited(home)
    elif unknown := unregistered(home):
        yield older_register(home, unknown)
    yield from signing_faults(home, platform.signing)
    yield from _ledger_faults(platform)


def _damage(platform: Platform) -> Iterator[Damage]:
    """Files that are in their place and differ from their recorded state."""
    home = platform.home
    yield from delivery_damage(home)
    yield from lake_damage(platform.lake)
    yield from warehouse_damage(home, platform.lake.keys)
    yield from standard_damage(home, platform.lake.keys)
    for batch, path in damaged_packages(home):
        yield Damage(path, batch, "返还包与目录不符或缺失", AGAIN.format(batch))
    yield from answer_damage(home)
    yield from (damage for _, damage in replaced(home))
    yield from lost_partitions(home, platform.lake)


def _ledger_faults(platform: Platform) -> Iterator[str]:
    home = platform.home
    known = known_heads(home, platform.keys, thorough=True)
    try:
        with platform.open_ledger() as ledger:
            if told := str(ledger.triggers):
                yield told
            if ledger.witness_is_missing() and ledger.head().number:
                yield f"{home.witness}：台账的见证文件缺失。请从备份恢复；下一次运行会按现有台账重新建立"
            if ledger.witness_is_cut():
                yield CUT.format(home.witness)
            lost = ledger.losses(known, thorough=True)
            yield from (f"{loss}。{ACCEPT}" for loss in lost)
            yield from map(str, missing_deliveries(ledger, home, kept_since(registered(home))))
            yield from map(str, replaced_deliveries(ledger, home))
            yield from (f"台账第 {fault.seq} 条：{fault.message}" for fault in ledger.verify())
    except SQLAlchemyError as error:
        cause = type(getattr(error, "orig", None) or error).__name__
        yield f"台账无法读取（{cause}）。请检查台账数据库，或从备份恢复"


def rekey(context: typer.Context) -> None:
    """把湖和治理库改用现在的密钥（ZHENJIE_KEY）；没有则改为不加密。 Rewrite all with the present key."""
    platform = platform_of(context)
    try:
        with alone(platform.home, "zhenjie rekey"), platform.engine.connect() as connection:
            forget_checksums(platform.home, written_anew(platform.home))
            partitions = rekey_lake(connection, platform.lake)
            databases = rekey_warehouse(platform.home, platform.keys)
            vouch(platform.home)
            vouch_standard(platform.home)
            note(platform.home)
    except WrongKey as error:
        raise console.usage(str(error)) from None
    console.result(f"改写了 {partitions} 个分区、{databases} 个治理库文件")


def backup(
    context: typer.Context,
    archive: Annotated[Path, typer.Argument(help="备份文件（.tar）", dir_okay=False)],
) -> None:
    """备份整个安装目录。 Everything below the home, in one tar file."""
    if archive.exists():
        raise console.usage(f"{archive} 已存在，请换一个文件名")
    _check_exists(settings_of(context).home)
    platform = platform_of(context)
    with alone(platform.home, "zhenjie backup"):
        with platform.open_ledger() as ledger:
            lost, head = ledger.losses(known_heads(platform.home, platform.keys)), ledger.head()
        size = write_backup(platform.home, archive, str(head))
    if settings_of(context).ledger_url is not None:
        console.progress("台账不在安装目录中（ZHENJIE_LEDGER），请用数据库自己的工具另行备份")
    console.result(f"{archive}  {size:,} bytes")
    if lost:
        console.progress("\n".join([*(loss.brief for loss in lost), "这份备份中的台账也缺少这些内容"]))
        raise typer.Exit(console.SET_ASIDE)


def restore(
    context: typer.Context,
    archive: Annotated[
        Path | None,
        typer.Argument(help="备份文件（.tar）；不写则只确认现有台账的缺失", exists=True, dir_okay=False),
    ] = None,
    accept_loss: Annotated[
        str | None,
        typer.Option("--accept-loss", metavar="原因", help="台账缺少内容也继续使用；原因和操作人记入台账"),
    ] = None,
    known: Annotated[
        list[Path] | None,
        typer.Option("--known", help="另一处的安装目录、备份、返还包或批次概览：台账不得比它旧", exists=True),
    ] = None,
) -> None:
    """把备份恢复到空的安装目录，并做体检；或确认台账的缺失。 A backup into an empty home; or accept a loss."""
    settings = settings_of(context)
    home = Home(settings.home)
    outside = [head for path in known or () for head in _heads(path, settings.keys)]
    if archive is None and accept_loss is None:
        raise console.usage("请指定备份文件；或用 --accept-loss 原因 确认现有台账的缺失")
    if archive is None:
        _check_exists(home.root)
    else:
        if home.root.exists() and any(home.root.iterdir()):
            raise console.usage(f"{home.root} 不是空的，请用 --home 指定一个新目录")
        _restore(home, archive, settings, [] if accept_loss else outside, told=accept_loss is None)
    if accept_loss is not None:
        told = [] if archive is None else heads_in(archive, settings.keys, required=False)
        _accept(context, accept_loss, [*outside, *told], needed=archive is None)
    doctor(context)


def _restore(home: Home, archive: Path, settings: Settings, outside: list[KnownHead], *, told: bool) -> None:
    def check(draft: Home, head: str) -> None:
        """Refuse a ledger that is older than the archive, or a place named by `--known`, shows."""
        if not told:
            return
        known = [*known_heads(draft, settings.keys, thorough=True), *outside]
        known += [KnownHead(archive.name, LedgerHead.parse(head))] if head else []
        with Ledger.open(settings.ledger_url or f"sqlite:///{draft.ledger}", draft.witness) as ledger:
            ledger.refuse_losses(known)

    try:
        _check_keys(archive, settings.keys)
        restore_backup(home, archive, check)
    except DamagedBackup as error:
        raise console.failed(f"{error}。没有恢复任何内容；请换一份备份") from None
    except LedgerLoss as error:
        raise console.failed(f"{error}\n没有恢复任何内容") from None


def _accept(context: typer.Context, reason: str, outside: list[KnownHead], *, needed: bool) -> None:
    """Enter in the ledger which losses are accepted, why, and by whom."""
    platform = platform_of(context)
    home = platform.home
    if not reason.strip():
        raise console.usage("--accept-loss：请写明原因")
    with alone(home, "zhenjie restore --accept-loss"), platform.open_ledger() as ledger:
        known = [*known_heads(home, platform.keys, thorough=True), *outside]
        for loss in ledger.losses(known, thorough=True):
            console.progress(str(loss))
        gone = _gone(ledger, home)
        entry = ledger.accept_losses(settings_of(context).user, reason, known, gone, datetime.now(UTC))
        if gone.places:
            settle(home, gone.places)
    if entry is not None:
        console.result(f"已记入台账第 {entry.seq} 条：{entry.kind.title_zh}，{entry.actor}，{reason}")
    elif needed:
        raise console.usage("台账、交付文件和登记表没有缺失，不需要确认")


def _gone(ledger: Ledger, home: Home) -> Gone:
    """Name the files that are gone or replaced and that no turn makes again."""
    deliveries = [
        *missing_deliveries(ledger, home, kept_since(registered(home))),
        *replaced_deliveries(ledger, home),
    ]
    others = [
        (thing.place, str(damage))
        for thing, damage in (*missing(home), *replaced(home))
        if not thing.is_made_again
    ]
    if is_edited(home):
        others.append((home.register.name, edited(home)))
    elif unknown := unregistered(home):
        others.append((home.register.name, older_register(home, unknown)))
    for told in (*map(str, deliveries), *(told for _, told in others)):
        console.progress(told)
    numbers = sorted({damage.path.parent.name for damage in deliveries})
    return Gone(tuple(numbers), tuple(sorted({place for place, _ in others})))


def _heads(path: Path, keys: Keys) -> list[KnownHead]:
    try:
        return heads_in(path, keys)
    except NoHeads as error:
        raise console.usage(str(error)) from None


def _check_keys(archive: Path, keys: Keys) -> None:
    """Refuse a backup whose keys are missing, before anything is written."""
    name = f"lake/{KEYS}"
    try:
        with tarfile.open(archive) as tar:
            if name not in tar.getnames():
                return
            member = tar.extractfile(name)
            assert member is not None
            needed = json.load(member)["keys"]
    except (tarfile.TarError, EOFError) as error:
        # The message of `tarfile` is English and lists every compression that it tried.
        raise DamagedBackup(f"{archive}：不是 zhenjie backup 写的备份文件，或文件已损坏") from error
    try:
        keys.check(needed, archive)
    except WrongKey as error:
        raise console.usage(str(error)) from None
