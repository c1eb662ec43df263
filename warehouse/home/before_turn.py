"""What is gone or was replaced when a turn is about to begin.

The turn makes the things of its own batch again. It refuses to read a partition that only another batch's turn makes
again.
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
    """What is gone when a turn is about to begin, and does not stop it.

    Args:
        home: held by the caller's lock.
        lake: its lake.
        batch: the day of the turn.

    Returns:
        Everything that is gone. Things of the batch, and the published database, the turn makes again; a database
        whose checksum is gone is taken away, so that it is.

    Raises:
        DamagedHome: a partition of an earlier batch is gone that the turn would read: without it an older one would
            be read in its place.
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
    """Find what was replaced when a turn is about to begin; take away what the turn makes again.

    Args:
        home: held by the caller's lock.
        batch: the day of the turn.

    Returns:
        Everything that was replaced and does not stop the turn.

    Raises:
        DamagedHome: a partition of an earlier batch that the turn would read was replaced, or a receipt of its own.
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
            # Its database may be an older one, too; the turn publishes anew.
            home.warehouse.unlink(missing_ok=True)
            home.previous_warehouse.unlink(missing_ok=True)
            damage.path.unlink()
        elif thing.place == home.standard_accepted.name:
            home.standard.unlink(missing_ok=True)
            damage.path.unlink()
    return [damage for _, damage in found]
