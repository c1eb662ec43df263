"""Finds missing partitions that other files name, independent of the register.

A partition names files of earlier partitions, and keeps the fingerprints of its input tables. The published database
lists its extracts and batches. Therefore a partition is found missing even if its line in the register was deleted too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from warehouse.home.encryption import WrongKey
from warehouse.home.folders import Home
from warehouse.home.integrity import AGAIN, Damage
from warehouse.home.register import registered, turn_under_way
from warehouse.incremental.inputs import TABLE
from warehouse.lake.layers import Layer
from warehouse.lake.manifest import MANIFEST, DamagedPartition
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake
from warehouse.publish.switch import open_published

_LOST = "另处记载的分区不在数据湖中（{}），登记表中也没有它"


@dataclass(frozen=True)
class _Table:
    layer: str
    table: str


def lost_partitions(home: Home, lake: Lake) -> Iterator[Damage]:
    """Each partition that another file names, that is missing, and that the register lacks.

    The batch of a running or killed turn, and later batches, are not reported.
    """
    things = {thing.place: thing for thing in registered(home)}
    under_way = turn_under_way(home)
    partitions = _partitions(lake)
    named: dict[str, Damage] = {}
    for layer, table, day, where in (*_rested_on(partitions), *_published(home, lake)):
        folder = lake.root / layer / table / f"batch={day.isoformat()}"
        place = folder.relative_to(home.root).as_posix()
        if not (folder / MANIFEST).exists() and place not in things:
            named.setdefault(place, Damage(folder, day, _LOST.format(where), AGAIN.format(day)))
    times = {place: thing.times for place, thing in things.items()}
    for damage in (*named.values(), *_made_from_lost(home, partitions, times)):
        if under_way is None or damage.batch is None or damage.batch < under_way:
            yield damage


def _partitions(lake: Lake) -> dict[_Table, list[Partition]]:
    """Every partition of each table, oldest first. The integrity check reports damaged ones."""
    found: dict[_Table, list[Partition]] = {}
    for layer, table, batch in sorted(lake.places()):
        try:
            partition = lake.partition(layer, table, batch)
        except DamagedPartition:
            continue
        if partition is not None:
            found.setdefault(_Table(layer, table), []).append(partition)
    return found


Known = tuple[str, str, date, str]


def _rested_on(partitions: dict[_Table, list[Partition]]) -> Iterator[Known]:
    """The partitions whose files other partitions name."""
    for table, days in partitions.items():
        for partition in days:
            for part in partition.parts:
                day = date.fromisoformat(part.batch)
                if day != partition.batch:
                    yield table.layer, table.table, day, f"批次 {partition.batch} 的分区用到它"


def _published(home: Home, lake: Lake) -> Iterator[Known]:
    """The partitions that the published database was made from, by its catalogue."""
    if not home.warehouse.exists():
        return
    try:
        with open_published(home, lake.keys) as connection:
            extracts = connection.execute("SELECT DISTINCT dataset, batch FROM catalog.extract").fetchall()
            batches = connection.execute("SELECT batch FROM catalog.batch").fetchall()
    except (duckdb.Error, WrongKey):
        return  # the integrity check or the check of the keys reports it
    for dataset, batch in extracts:
        yield Layer.EXTRACT, dataset, batch, "已发布的治理库列有它"
    for (batch,) in batches:
        yield Layer.TICKET, "all", batch, "已发布的治理库列有这一批次"


def _made_from_lost(
    home: Home, partitions: dict[_Table, list[Partition]], times: dict[str, int]
) -> Iterator[Damage]:
    """Partitions whose input partition no longer exists.

    An input that was made again also has another fingerprint. Its line in the register then has a second checksum, and
    it is not reported.
    """
    for table, days in partitions.items():
        for partition in days:
            for source, fingerprint, is_earlier in _sources(table, partition):
                there = [
                    other
                    for other in partitions.get(source, [])
                    if other.batch < partition.batch or (other.batch == partition.batch and not is_earlier)
                ]
                if any(other.fingerprint == fingerprint for other in there) or _is_made_anew(
                    home, there[-1:], partition, times
                ):
                    continue
                last = there[-1].batch if there else None
                days_between = sorted(
                    {
                        other.batch
                        for others in partitions.values()
                        for other in others
                        if (last is None or other.batch > last) and other.batch <= partition.batch
                    }
                )
                first = days_between[0]
                problem = f"所依据的 {source.layer}/{source.table} 分区已不在数据湖中，登记表中也没有它"
                further = (
                    "" if first == partition.batch else f"，再依次运行其后的批次，直到 {partition.batch}"
                )
                yield Damage(
                    partition.folder / MANIFEST, partition.batch, problem, AGAIN.format(first) + further
                )


def _is_made_anew(home: Home, last: Sequence[Partition], partition: Partition, times: dict[str, int]) -> bool:
    """Whether the newest possible input may have been made again, so that its fingerprint changed without a loss."""
    if not last:
        return False
    place = last[0].folder.relative_to(home.root).as_posix()
    return last[0].batch == partition.batch or times.get(place, 0) != 1


def _sources(table: _Table, partition: Partition) -> Iterator[tuple[_Table, str, bool]]:
    """The input tables of a partition: table, fingerprint, and whether it is of an earlier day."""
    for name, fingerprint in partition.inputs.items():
        if name.startswith(TABLE):
            layer, _, source = name.removeprefix(TABLE).partition("/")
            yield _Table(layer, source), fingerprint, False
    governance = _Table(Layer.GOVERNANCE, table.table)
    told = {
        (Layer.TICKET, "value:previous"): (table, True),
        (Layer.HISTORY, "before"): (governance, True),
        (Layer.HISTORY, "now"): (governance, False),
    }
    for (layer, name), (source_table, is_earlier) in told.items():
        if table.layer == layer and partition.inputs.get(name):
            yield source_table, partition.inputs[name], is_earlier
