"""Finds missing and replaced files before a turn begins.

The turn makes the files of its own batch again. It refuses to start if it would read a missing or replaced partition
of an earlier batch, because only the turn of that batch can make the partition again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from warehouse.home.folders import Home
from warehouse.home.integrity import Damage, DamagedHome
from warehouse.home.register import Thing, missing, registered
from warehouse.home.replaced import replaced
from warehouse.lake.layers import Layer
from warehouse.lake.store import Lake
from warehouse.publish.switch import published


def missing_before(home: Home, lake: Lake, batch: date) -> list[Damage]:
    """The missing files that do not stop the turn.

    Args:
        home: held by the caller's lock.
        lake: its lake.
        batch: the day of the turn.

    Returns:
        Everything that is missing. The turn makes the files of its batch and the published database again. A database
        without its checksum is deleted, so that the turn makes it again.

    Raises:
        DamagedHome: a partition of an earlier batch that the turn would read is missing: the turn would read an
            older one in its place.
    """
    found = list(missing(home))
    read = set(read_by(registered(home), batch))
    beyond = [damage for thing, damage in found if thing.place in read and thing.batch != batch]
    if beyond:
        raise DamagedHome("\n".join(map(str, beyond)))
    if any(thing.place == home.accepted.name for thing, _ in found):
        current = published(home.warehouse, lake.keys)
        if current is None or current[0] <= batch:
            home.warehouse.unlink(missing_ok=True)
            home.previous_warehouse.unlink(missing_ok=True)
    return [damage for _, damage in found]


def read_by(things: list[Thing], batch: date) -> Iterator[str]:
    """The partitions that a turn reads: the newest two of each table, and all of the history."""
    tables: dict[tuple[str, str], list[Thing]] = {}
    for thing in things:
        if thing.partition and thing.batch and thing.batch <= batch:
            tables.setdefault(thing.partition, []).append(thing)
    for (layer, _), days in tables.items():
        days.sort(key=lambda thing: thing.place)
        for thing in days if layer == Layer.HISTORY else days[-2:]:
            yield thing.place


def replaced_before(home: Home, batch: date) -> list[Damage]:
    """Find replaced files before a turn begins, and delete the files that the turn makes again.

    Args:
        home: held by the caller's lock.
        batch: the day of the turn.

    Returns:
        Every replaced file that does not stop the turn.

    Raises:
        DamagedHome: a partition of an earlier batch that the turn would read was replaced, or a receipt of this batch.
    """
    things = registered(home)
    read = set(read_by(things, batch))
    looked_at = [
        thing
        for thing in things
        if thing.place in read or thing.batch in (batch, None) or (not thing.partition and thing.is_final)
    ]
    found = list(replaced(home, looked_at))
    beyond = [
        damage
        for thing, damage in found
        if (thing.place in read and thing.batch != batch)
        or (thing.batch == batch and thing.parts[0] == "inbox")
    ]
    if beyond:
        raise DamagedHome("\n".join(map(str, beyond)))
    for thing, damage in found:
        if thing.batch == batch and (thing.partition or thing.parts[0] == "returns"):
            damage.path.unlink()
        elif thing.place == home.accepted.name:
            # The database may be an older copy too; the turn publishes it again.
            home.warehouse.unlink(missing_ok=True)
            home.previous_warehouse.unlink(missing_ok=True)
            damage.path.unlink()
        elif thing.place == home.standard_accepted.name:
            home.standard.unlink(missing_ok=True)
            damage.path.unlink()
    return [damage for _, damage in found]
