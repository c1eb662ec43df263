"""Finds replaced things, which differ from the register, and a register that is an older copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from warehouse.home.folders import Home
from warehouse.home.integrity import Damage
from warehouse.home.register import (
    Thing,
    described,
    places_of_turns,
    registered,
    turn_under_way,
)


def replaced(home: Home, things: Iterable[Thing] | None = None) -> Iterator[tuple[Thing, Damage]]:
    """Each thing whose checksum differs from the register.

    Example: the manifest of a partition, put there from an older backup.

    Args:
        home: the installation.
        things: the things to check; None for everything in the register.
    """
    under_way = turn_under_way(home)
    for thing in registered(home) if things is None else things:
        if thing.sha256 is None or not thing.is_there(home):
            continue
        # A killed turn may have written it again without recording it.
        if under_way and not thing.is_final and thing.batch in (under_way, None):
            continue
        if thing.checksum(home) != thing.sha256:
            kind, remedy = described(home, thing)
            yield thing, Damage(thing.path(home), thing.batch, f"与登记时不符，被替换或改动：{kind}", remedy)


def unregistered(home: Home) -> list[str]:
    """Existing things of turns that the register lacks: the register is an older copy, or lines were deleted.

    The list is empty while a turn runs, and without a register.
    """
    if turn_under_way(home) or not home.register.exists():
        return []
    known = {thing.place for thing in registered(home)}
    return [place for place in places_of_turns(home) if place not in known]


def older_register(home: Home, places: list[str]) -> str:
    """The message about a register that lacks existing things."""
    return (
        f"{home.register}：登记表中没有现有的 {len(places)} 项内容（例如 {places[0]}），"
        f"它可能换成了旧的，或被改动。请查明原因，并从备份恢复它和 {home.register_seal.name}；"
        "没有备份时按现有内容重新登记：zhenjie restore --accept-loss 原因，或下一次 zhenjie run；"
        "此前缺失或被替换的内容则无法核对"
    )
