"""Before a turn: lock the installation, look for losses, remove the leftovers of dead runs, mend damage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from assets.platform import Platform
from returns.ledger.deliveries import (
    delivered_batches,
    enter_deliveries,
    missing_deliveries,
    replaced_deliveries,
)
from returns.ledger.outside import has_heads, known_heads
from warehouse.home.before_turn import missing_before, replaced_before
from warehouse.home.cleanup import tidy
from warehouse.home.integrity import AGAIN, Damage, DamagedHome, mend
from warehouse.home.lock import exclusive
from warehouse.home.register import (
    begin_turn,
    edited,
    end_dead_turn,
    is_edited,
    kept_since,
    note,
    registered,
)
from warehouse.home.replaced import older_register, unregistered


@contextmanager
def prepared(
    platform: Platform, batch: date, progress: Callable[[str], None], *, wait: bool = False
) -> Iterator[None]:
    """Hold the installation for a turn of a batch, after its files and its ledger have been verified.

    Args:
        platform: the installation.
        batch: the day of the turn.
        progress: receives a line for each thing that was mended.
        wait: whether to wait for another run rather than refuse.

    Raises:
        HomeInUse: another process holds the installation, and `wait` is false.
        DamagedHome: an input of the turn is damaged or gone, and the turn does not make it again.
        LedgerLoss: entries are gone from the ledger.
    """
    home = platform.home
    with exclusive(home, f"zhenjie run --batch {batch}", wait=wait):
        _check_ledger(platform, batch, progress)
        if not home.register.exists() and has_heads(home, platform.keys):
            progress(f"{home.register} 缺失，已按现有内容重新建立；此前缺失的内容无法核对，请与备份核对")
        _check_register(platform, progress)
        for damage in (*missing_before(home, platform.lake, batch), *replaced_before(home, batch)):
            progress(_told(damage, batch))
        begin_turn(home, batch)
        try:
            mended = mend(home, platform.lake, batch)
        except DamagedHome:
            note(home, batch)
            raise
        for damage in mended:
            progress(f"发现损坏，本轮重新生成：{damage.path}（{damage.problem}）")
        tidy(platform.home, platform.lake, batch, datetime.now(UTC))
        yield
        note(home, batch)


def _check_register(platform: Platform, progress: Callable[[str], None]) -> None:
    """Report a register that was edited or is an older copy. Add the entries that are missing."""
    home = platform.home
    if is_edited(home):
        progress(edited(home))
    elif places := unregistered(home):
        progress(older_register(home, places))
    end_dead_turn(home)
    note(home)


def _check_ledger(platform: Platform, batch: date, progress: Callable[[str], None]) -> None:
    """Refuse a ledger that lacks entries. Enter deliveries that a dead process did not enter."""
    home = platform.home
    known = known_heads(home, platform.keys)
    with platform.open_ledger() as ledger:
        if told := str(ledger.triggers):
            progress(told)
        ledger.refuse_losses(known)
        if ledger.witness_is_missing():
            ledger.make_witness()
            progress(f"{home.witness} 缺失，已按现有台账重新建立；请与备份核对台账的条数")
        elif ledger.witness_is_cut():
            ledger.make_witness()
            progress(
                f"{home.witness} 缺少曾经写入的行（被截短，或换成了旧的），已按现有台账补齐；台账没有缺失"
            )
        enter_deliveries(ledger, home, delivered_batches(home, batch))
        gone = list(missing_deliveries(ledger, home, kept_since(registered(home))))
        gone += replaced_deliveries(ledger, home, batch)
    own = [damage for damage in gone if damage.batch == batch and damage.path.is_relative_to(home.inbox)]
    if own:
        raise DamagedHome("\n".join(map(str, own)))
    for damage in gone:
        progress(str(damage))


def _told(damage: Damage, batch: date) -> str:
    """The line about a missing file: this turn makes it again, or a person must find it."""
    if damage.remedy == AGAIN.format(batch):
        return f"{damage.path}：{damage.problem}。本轮重新生成"
    return str(damage)
