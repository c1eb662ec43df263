"""The register: a line for each thing that was made, so that one that is gone is named.

Partitions, packages, acceptance reports and published databases are noted once they are there. Deliveries are not:
the ledger knows them. Lines are only added, by the holder of the home's lock. A seal beside the file keeps the length
and the checksum of what was written, so that a register that was cut short or edited is named.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path, PurePosixPath

from warehouse.home.files import replace_json
from warehouse.home.folders import Home
from warehouse.home.integrity import AGAIN, Damage, DamagedHome
from warehouse.lake.layers import Layer
from warehouse.lake.manifest import MANIFEST
from warehouse.lake.store import KEYS, Lake
from warehouse.publish.accepted import accepted
from warehouse.publish.switch import published

KEPT_BATCHES = 10
"""Of so many newest batches, returns, acceptance reports and files set aside must be there; older may be moved away."""

_DAY = re.compile(r"(?:batch=)?(\d{4}-\d{2}-\d{2})")
# Before a place: it was taken away on purpose.
_WITHDRAWN = "-"
_MOVABLE = ("returns", "acceptance")
_FOLDERS = ("lake", "returns", "acceptance", "answers")
_SINGLE = (
    "warehouse.duckdb",
    "warehouse.previous.duckdb",
    "warehouse.accepted.json",
    "ledger.witness.newest",
)
_BACKUP = "请从备份恢复；运行不会重新生成它"


@dataclass(frozen=True)
class Thing:
    """A thing that was made, by its place below the home."""

    place: str

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The parts of its place."""
        return PurePosixPath(self.place).parts

    @cached_property
    def batch(self) -> date | None:
        """The batch that it belongs to, if it belongs to one."""
        days = (match for part in self.parts if (match := _DAY.fullmatch(part)))
        match = next(days, None)
        return date.fromisoformat(match[1]) if match else None

    @property
    def partition(self) -> tuple[str, str] | None:
        """Layer and table of a partition."""
        return (self.parts[1], self.parts[2]) if self.parts[0] == "lake" and len(self.parts) == 4 else None

    @property
    def is_ours(self) -> bool:
        """Whether it is of a kind that is noted."""
        single = len(self.parts) == 1 and self.place in _SINGLE
        return single or self.parts[0] in _FOLDERS

    def is_there(self, home: Home) -> bool:
        """Whether it lies in its place: a partition by its manifest."""
        path = home.root / self.place
        return (path / MANIFEST).exists() if self.partition else path.exists()


def registered(home: Home) -> list[Thing]:
    """Everything that was noted."""
    try:
        text = home.register.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    things: dict[str, Thing] = {}
    # What follows the last line break was not written to its end.
    for line in filter(None, text.split("\n")[:-1]):
        if line.startswith(_WITHDRAWN):
            things.pop(line.removeprefix(_WITHDRAWN), None)
        else:
            things.setdefault(line, Thing(line))
    return list(things.values())


def note(home: Home, batch: date | None = None) -> None:
    """Note what there is and was not noted yet.

    Args:
        home: held by the caller's lock.
        batch: look at the things of this batch only; None for all there are.
    """
    if is_edited(home):
        # Whoever calls has named it. What has the form of our lines is kept.
        kept = [thing.place for thing in registered(home) if thing.is_ours]
        home.register.write_text("".join(f"{place}\n" for place in kept), encoding="utf-8")
        home.register_seal.unlink()
    known = {thing.place for thing in registered(home)}
    new = [place for place in _there(home, batch) if place not in known]
    if not new and home.register.exists() and home.register_seal.exists():
        return
    _append(home, "".join(f"{place}\n" for place in new))


def _append(home: Home, lines: str) -> None:
    with home.register.open("ab+") as file:
        file.seek(0)
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
        file.write(lines.encode())
        file.flush()
        os.fsync(file.fileno())
    # After the lines: a run that dies in between leaves a register that goes on behind its seal.
    content = home.register.read_bytes()
    replace_json(home.register_seal, {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})


def is_edited(home: Home) -> bool:
    """Whether the register lacks lines that were written into it, or has others: it was cut short or edited."""
    try:
        seal = json.loads(home.register_seal.read_text(encoding="utf-8"))
        size, sha256 = int(seal["bytes"]), seal["sha256"]
        content = home.register.read_bytes()
    except FileNotFoundError:
        return False
    except (ValueError, KeyError, TypeError):
        return True
    return len(content) < size or hashlib.sha256(content[:size]).hexdigest() != sha256


def edited(home: Home) -> str:
    """What is said of a register that was cut short or edited."""
    return (
        f"{home.register}：登记表与写入时不符（被截短或改动）。请查明原因，并从备份恢复它和 {home.register_seal.name}；"
        "否则下一次 zhenjie run 按现有内容重新登记，此前缺失的内容则无法核对"
    )


def withdraw_note(home: Home, folder: Path) -> None:
    """Note that a partition is taken away on purpose, if it was noted."""
    place = folder.relative_to(home.root).as_posix()
    if place not in {thing.place for thing in registered(home)}:
        return
    _append(home, f"{_WITHDRAWN}{place}\n")


def missing(home: Home) -> Iterator[tuple[Thing, Damage]]:
    """What was noted and is not there, but what may have been moved away."""
    things = registered(home)
    since = kept_since(things)
    for thing in things:
        if thing.is_there(home) or _may_be_away(home, thing, since):
            continue
        problem, remedy = _told(home, thing)
        yield thing, Damage(home.root / thing.place, thing.batch, f"曾经生成，现已缺失：{problem}", remedy)


def kept_since(things: list[Thing]) -> date | None:
    """The oldest batch whose returns must still be there; None while all must."""
    batches = sorted({thing.batch for thing in things if thing.batch})
    return batches[-KEPT_BATCHES] if len(batches) >= KEPT_BATCHES else None


def _there(home: Home, batch: date | None) -> Iterator[str]:
    day = batch.isoformat() if batch else "*"
    patterns = (
        f"lake/*/*/batch={day}/{MANIFEST}",
        f"returns/{day}/index.json",
        f"returns/{day}/summary.html",
    )
    for pattern in patterns:
        for path in sorted(home.root.glob(pattern)):
            thing = path.parent if path.name == MANIFEST else path
            yield thing.relative_to(home.root).as_posix()
    for path in sorted((home.answers / "done").glob("[!.]*")):
        yield path.relative_to(home.root).as_posix()
    for path in sorted(home.acceptance.glob(day)):
        if _DAY.fullmatch(path.name):
            yield path.relative_to(home.root).as_posix()
    for path in (home.warehouse, home.previous_warehouse, home.accepted, home.lake / KEYS, home.witness_mark):
        if path.exists():
            yield path.relative_to(home.root).as_posix()


def _may_be_away(home: Home, thing: Thing, since: date | None) -> bool:
    if thing.place == home.previous_warehouse.name:
        # After the database was published anew without one before, there is none.
        return not accepted(home).of_previous
    if thing.parts[0] not in _MOVABLE or thing.batch is None or since is None or thing.batch >= since:
        return False
    return not (home.root / thing.parts[0] / thing.batch.isoformat()).exists()


def _told(home: Home, thing: Thing) -> tuple[str, str]:
    again = AGAIN.format(thing.batch)
    if thing.partition:
        return "数据湖的分区", again
    match thing.parts:
        case ("returns", _, "index.json"):
            return "返还包及其目录", again
        case ("returns", *_):
            return "批次概览", again
        case ("acceptance", *_):
            return "验收报告", _BACKUP
        case ("lake", *_):
            return "数据湖所用密钥的名称", "请从备份恢复这个文件"
        case ("answers", *_):
            return "已接收的答复工作簿或其回执", _BACKUP
        case ("ledger.witness.newest",):
            return "见证文件最新一行的副本", "请从备份恢复；下一次运行会按现有见证文件重新建立"
        case ("warehouse.accepted.json",):
            return "治理库通过验收时的校验值", "运行最新批次即重新生成治理库并验收：zhenjie run"
        case ("warehouse.previous.duckdb",):
            return "上一版治理库", "不影响使用，下次发布后会重新产生；需要时请从备份恢复"
        case _ if not thing.is_ours:
            return "登记表中这一行不是平台写的", f"请查明谁改动了 {home.register}，并从备份恢复它"
        case _:
            return "已发布的治理库", "运行最新批次即重新发布：zhenjie run"


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
    read = set(_read(registered(home), batch))
    beyond = [damage for thing, damage in found if thing.place in read and thing.batch != batch]
    if beyond:
        raise DamagedHome("\n".join(map(str, beyond)))
    if any(thing.place == home.accepted.name for thing, _ in found):
        current = published(home.warehouse, lake.keys)
        if current is None or current[0] <= batch:
            home.warehouse.unlink(missing_ok=True)
            home.previous_warehouse.unlink(missing_ok=True)
    return [damage for _, damage in found]


def _read(things: list[Thing], batch: date) -> Iterator[str]:
    """The partitions that a turn reads: the newest two of each table, and all of the history."""
    tables: dict[tuple[str, str], list[Thing]] = {}
    for thing in things:
        if thing.partition and thing.batch and thing.batch <= batch:
            tables.setdefault(thing.partition, []).append(thing)
    for (layer, _), days in tables.items():
        days.sort(key=lambda thing: thing.place)
        for thing in days if layer == Layer.HISTORY else days[-2:]:
            yield thing.place
