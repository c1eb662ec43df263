"""Integrity check: compares files with their recorded checksums, and names the remedy for each damage.

Everything is computed from the delivered files and the ledger, so another turn of the batch repairs most damage.
Example: a Parquet file of 2026-03-03 is damaged; `mend` deletes its partition, and the turn of 2026-03-03 writes it
again. This module makes nothing again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from warehouse.collect.intake import reception
from warehouse.home.encryption import Keys
from warehouse.home.files import sha256_of
from warehouse.home.folders import Home
from warehouse.lake.layers import Layer
from warehouse.lake.manifest import MANIFEST, DamagedPartition
from warehouse.lake.store import Lake, damaged
from warehouse.publish.accepted import accepted, accepted_standard, log_of
from warehouse.publish.standard_database import settle_standard
from warehouse.publish.switch import open_database, published, settle_switch

AGAIN = "重新运行该批次即可恢复：zhenjie run --batch {}"
NOT_OURS = "请从备份恢复这个文件，或请部门重新交付同一个文件：zhenjie deliver 文件 --batch {}"


class DamagedHome(Exception):
    """A turn would read damaged files; names each file and the remedy."""


@dataclass(frozen=True)
class Damage:
    """One damaged file: the file, its batch, the damage, and the remedy."""

    path: Path
    batch: date | None
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}：{self.problem}。{self.remedy}"


def delivery_damage(home: Home) -> Iterator[Damage]:
    """Delivered files, and rejected files in `aside`, that are missing or differ from their receipts."""
    for place in (home.inbox, home.aside):
        for folder in sorted(place.glob("????-??-??")):
            try:
                batch = date.fromisoformat(folder.name)
            except ValueError:
                continue
            yield from _delivery_damage(folder, batch)


def lake_damage(lake: Lake) -> Iterator[Damage]:
    """Every damaged partition."""
    sound: set[tuple[Path, str]] = set()
    found = (damage for place in lake.places() for damage in _partition_damage(lake, *place, sound))
    # A file that several partitions rest on is reported once.
    yield from dict.fromkeys(found)


def warehouse_damage(home: Home, keys: Keys) -> Iterator[Damage]:
    """Damage of the published databases: a checksum that is not accepted, or a file that does not open."""
    for path in (home.warehouse, home.previous_warehouse):
        if not path.exists():
            continue
        if log_of(path).exists():
            yield Damage(log_of(path), None, "发布的数据库旁不应有日志文件", "请查明来源并删除它")
        remedy = "运行最新批次即重新发布：zhenjie run" if path == home.warehouse else "这是上一版，可以删除"
        known = accepted(home)
        if sha256_of(path) not in (known.of_current if path == home.warehouse else known.of_previous):
            yield Damage(path, None, "与通过验收时的校验值不符", remedy)
            continue
        try:
            published(path, keys)
        except duckdb.Error:
            yield Damage(path, None, "数据库无法打开", remedy)


def standard_damage(home: Home, keys: Keys) -> Iterator[Damage]:
    """Damage of the database of standard tables. The next turn repairs it by itself."""
    path, remedy = home.standard, "运行最新批次即重新生成：zhenjie run"
    if not path.exists():
        if accepted_standard(home).of_current:
            yield Damage(path, None, "曾经生成，现已缺失：标准表查询库", remedy)
        return
    if log_of(path).exists():
        yield Damage(log_of(path), None, "标准表查询库旁不应有日志文件", "请查明来源并删除它")
    if sha256_of(path) not in accepted_standard(home).of_current:
        yield Damage(path, None, "与生成时的校验值不符", remedy)
        return
    try:
        open_database(path, keys).close()
    except duckdb.Error:
        yield Damage(path, None, "数据库无法打开", remedy)


def answer_damage(home: Home) -> Iterator[Damage]:
    """Accepted workbooks that have changed. Their names begin with their checksums."""
    for path in sorted((home.answers / "done").glob("[!.]*")):
        kept = re.match(r"([0-9a-f]{12})-", path.name)
        if kept is None or path.name.endswith(".receipt.json") or not path.is_file():
            continue
        if not sha256_of(path).startswith(kept[1]):
            yield Damage(
                path, None, "已接收的答复工作簿与接收时不符", "答复已记入台账，不受影响；请从备份恢复这个文件"
            )


def pending_switches(home: Home) -> Iterator[str]:
    """Pending switches of orphaned runs; the published database is valid in any case."""
    for path, known in ((home.warehouse, accepted(home)), (home.standard, accepted_standard(home))):
        if known.pending is not None:
            yield f"{path}：有一次发布中途停止，现有数据库可以照常查询。下一次运行会了结：zhenjie run"


def mend(home: Home, lake: Lake, batch: date) -> list[Damage]:
    """Delete damaged files that the batch's turn makes again: its partitions, the published database.

    It verifies the partitions that the turn reads: the newest two of each table, and the whole history.

    Args:
        home: held by the caller's lock.
        lake: its lake.
        batch: the day of the turn that is about to begin.

    Returns:
        The damage whose files were deleted.

    Raises:
        DamagedHome: a partition of an earlier batch is damaged. Only the turn of that batch can make it again.
    """
    sound: set[tuple[Path, str]] = set()
    found = [damage for place in _read(lake, batch) for damage in _partition_damage(lake, *place, sound)]
    beyond = [damage for damage in found if damage.batch != batch]
    own = [damage for damage in found if damage.batch == batch]
    if beyond:
        raise DamagedHome("\n".join(map(str, dict.fromkeys(beyond))))
    for damage in own:
        lake_table = damage.path.parent.parent
        (lake_table / f"batch={batch.isoformat()}" / MANIFEST).unlink(missing_ok=True)
    settle_switch(home)
    settle_standard(home)
    published_now = (home.warehouse, log_of(home.warehouse))
    broken = [damage for damage in warehouse_damage(home, lake.keys) if damage.path in published_now]
    for damage in broken:
        damage.path.unlink()
    return [*own, *broken]


def _read(lake: Lake, batch: date) -> Iterator[tuple[Layer, str, date]]:
    """The partitions that a turn may read, as `Lake.places` names them."""
    for folder in sorted(path for path in lake.root.glob("*/*") if path.is_dir()):
        name, table = folder.relative_to(lake.root).parts
        if name not in set(Layer):
            continue
        layer = Layer(name)
        days = [day for day in lake.batches(layer, table) if day <= batch]
        for day in days if layer is Layer.HISTORY else days[-2:]:
            yield layer, table, day


def _partition_damage(
    lake: Lake, layer: Layer, table: str, batch: date, sound: set[tuple[Path, str]]
) -> Iterator[Damage]:
    try:
        partition = lake.partition(layer, table, batch)
    except DamagedPartition:
        manifest = lake.folder(layer, table, batch) / MANIFEST
        yield Damage(manifest, batch, "分区清单损坏", AGAIN.format(batch))
        return
    for part in damaged(partition, sound) if partition is not None else ():
        assert partition is not None
        path = partition.path(part)
        problem = "与分区清单中的校验值不符" if path.exists() else "文件缺失"
        # The turn of an earlier batch makes its file again, unless the batch has other files now.
        owner = date.fromisoformat(part.batch)
        found = lake.partition(layer, table, owner) if owner != batch else None
        maker = owner if found is not None and part in found.files else batch
        yield Damage(path, maker, problem, AGAIN.format(maker))


def _delivery_damage(folder: Path, batch: date) -> Iterator[Damage]:
    for path in sorted(folder.glob(f"[!.]*/{reception.RECEIPT}")):
        try:
            receipt = reception.read_receipt(path)
        except (ValueError, KeyError, TypeError):
            yield Damage(path, batch, "回执损坏", NOT_OURS.format(batch))
            continue
        if not receipt.path.exists():
            yield Damage(receipt.path, batch, "文件缺失", NOT_OURS.format(batch))
        elif sha256_of(receipt.path) != receipt.sha256:
            yield Damage(receipt.path, batch, "与回执中的校验值不符", NOT_OURS.format(batch))
