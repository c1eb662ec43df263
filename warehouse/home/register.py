"""The register: a line for each thing that was made, so that missing and replaced things are found.

A line is a path below the home, usually with a checksum: of a partition's manifest, of an index of packages, of a
receipt. A file whose checksum is kept elsewhere has only its path. The last line for a path counts. Only the holder of
the home's lock adds lines; no line is deleted. A seal beside the file keeps the length and the checksum of the
register, so that a truncated or edited register is found. The seal also keeps the batch of a running turn, whose things
may differ from their lines. `warehouse.home.replaced` finds replaced things.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path, PurePosixPath

from warehouse.collect.intake.reception import CONFIRMATION, RECEIPT
from warehouse.home.files import digest_of, replace_json, sha256_of
from warehouse.home.folders import Home
from warehouse.home.integrity import AGAIN, NOT_OURS, Damage
from warehouse.lake.manifest import MANIFEST
from warehouse.lake.store import KEYS
from warehouse.publish.accepted import accepted

KEPT_BATCHES = 10
"""Of so many newest batches, returns, acceptance reports and files set aside must be there; older may be moved away."""

_DAY = re.compile(r"(?:batch=)?(\d{4}-\d{2}-\d{2})")
# Prefix of a path: the thing was deleted on purpose.
_WITHDRAWN = "-"
_MOVABLE = ("returns", "acceptance")
_FOLDERS = ("lake", "returns", "acceptance", "answers", "inbox", "aside")
# Folders of delivered files. The ledger lists these files; the register only has the checksums.
DELIVERED = ("inbox", "aside")
# Folders whose files never change.
_FINAL = (*DELIVERED, "answers")
_SINGLE = (
    "warehouse.duckdb",
    "warehouse.previous.duckdb",
    "warehouse.accepted.json",
    "standard.accepted.json",
    "signing.key",
    "ledger.witness.newest",
)
# Files without a checksum here: `*.accepted.json` has it, or the file changes with each entry of the ledger.
_NO_CHECKSUM = ("warehouse.duckdb", "warehouse.previous.duckdb", "ledger.witness.newest")
# Files that an operator may delete.
_MAY_GO = ("signing.key",)
# Used as a checksum: the thing is about to be written again.
_OPEN = "0" * 64
_LINE = re.compile(r"(.+)\t([0-9a-f]{64})")
_BACKUP = "请从备份恢复；运行不会重新生成它"


@dataclass(frozen=True)
class Thing:
    """A thing that was made, by its path below the home.

    Attributes:
        place: a path with slashes.
        sha256: the last recorded checksum; None without a recorded checksum.
        times: the number of different recorded checksums.
    """

    place: str
    sha256: str | None = field(default=None, compare=False)
    times: int = field(default=0, compare=False)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The parts of its place."""
        return PurePosixPath(self.place).parts

    @cached_property
    def batch(self) -> date | None:
        """Its batch, if it belongs to a batch."""
        days = (match for part in self.parts if (match := _DAY.fullmatch(part)))
        match = next(days, None)
        return date.fromisoformat(match[1]) if match else None

    @property
    def partition(self) -> tuple[str, str] | None:
        """Layer and table of a partition."""
        return (self.parts[1], self.parts[2]) if self.parts[0] == "lake" and len(self.parts) == 4 else None

    @property
    def is_ours(self) -> bool:
        """Whether the register records this kind of thing."""
        single = len(self.parts) == 1 and self.place in _SINGLE
        return single or self.parts[0] in _FOLDERS

    @property
    def is_made_again(self) -> bool:
        """Whether a turn makes it again if it is missing."""
        single = self.place == f"lake/{KEYS}" or self.place in _MAY_GO
        return self.parts[0] not in ("acceptance", *_FINAL) and not single

    @property
    def is_final(self) -> bool:
        """Whether no turn changes it."""
        return self.parts[0] in _FINAL

    def path(self, home: Home) -> Path:
        """Its path; for a partition the path of its manifest."""
        path = home.root / self.place
        return path / MANIFEST if self.partition else path

    def is_there(self, home: Home) -> bool:
        """Whether it exists."""
        return self.path(home).exists()

    def checksum(self, home: Home) -> str | None:
        """The checksum of the present file; None for things whose checksum is kept elsewhere."""
        kept_elsewhere = self.parts[0] == "answers" and not self.place.endswith(".receipt.json")
        if self.place in _NO_CHECKSUM or kept_elsewhere:
            return None
        path = self.path(home)
        if not path.is_dir():
            return sha256_of(path)
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return digest_of([(file.relative_to(path).as_posix(), sha256_of(file)) for file in files])


def registered(home: Home) -> list[Thing]:
    """Every recorded thing."""
    try:
        text = home.register.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    things: dict[str, Thing] = {}
    # Text after the last line break is an incomplete line.
    for line in filter(None, text.split("\n")[:-1]):
        if line.startswith(_WITHDRAWN):
            things.pop(line.removeprefix(_WITHDRAWN), None)
            continue
        found = _LINE.fullmatch(line)
        place, sha256 = (found[1], found[2]) if found else (line, None)
        before = things.get(place, Thing(place))
        if sha256 == _OPEN:
            things[place] = Thing(place, None, before.times)
            continue
        times = before.times + (sha256 is not None and sha256 != before.sha256)
        things[place] = Thing(place, sha256 or before.sha256, times)
    return list(things.values())


def note(home: Home, batch: date | None = None, *, anew: Container[str] = ()) -> None:
    """Record new things. After a turn, also record the new checksums of its batch.

    Args:
        home: held by the caller's lock.
        batch: record the things of this batch only, and end its turn; None for everything.
        anew: paths whose present checksum is recorded, because a person accepts the present files.
    """
    if is_edited(home):
        # The caller has reported the edited register. Valid lines are kept, without checksums.
        kept = [thing.place for thing in registered(home) if thing.is_ours]
        home.register.write_text("".join(f"{place}\n" for place in kept), encoding="utf-8")
        home.register_seal.unlink()
    known = {thing.place: thing for thing in registered(home)}
    new = []
    for place in _there(home, batch):
        before = known.get(place)
        thing = before or Thing(place)
        is_settled = batch is None or thing.is_final
        if before and before.sha256 and is_settled and place not in anew:
            continue
        sha256 = thing.checksum(home)
        if before is None or sha256 != before.sha256:
            new.append(f"{place}\t{sha256}\n" if sha256 else f"{place}\n")
    under_way = None if batch else turn_under_way(home)
    if new or not home.register.exists() or not home.register_seal.exists() or batch:
        _append(home, "".join(new), under_way)


def begin_turn(home: Home, batch: date) -> None:
    """Record that a turn is about to change the things of its batch; `note` of the batch ends the turn."""
    _append(home, "", batch)


def forget_checksums(home: Home, places: Iterable[str]) -> None:
    """Record that things are about to be written again; `note` records their new checksums."""
    _append(home, "".join(f"{place}\t{_OPEN}\n" for place in places), turn_under_way(home))


def turn_under_way(home: Home) -> date | None:
    """The batch of a turn that began and did not end: it is running or was killed."""
    try:
        under_way = json.loads(home.register_seal.read_text(encoding="utf-8")).get("turn")
        return date.fromisoformat(under_way) if under_way else None
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def end_dead_turn(home: Home) -> None:
    """Record the things that a killed turn has made."""
    batch = turn_under_way(home)
    if batch is not None and not is_edited(home):
        note(home, batch)


def settle(home: Home, places: Container[str]) -> None:
    """Write the register again, because a person accepts the present state.

    Args:
        home: held by the caller's lock.
        places: paths whose things may differ from the register, or may stay missing.
    """
    note(home, anew=places)
    gone = [thing for thing in registered(home) if thing.place in places and not thing.is_there(home)]
    lines = "".join(f"{_WITHDRAWN}{thing.place}\n" for thing in gone)
    _append(home, lines, turn_under_way(home))


def _append(home: Home, lines: str, turn: date | None) -> None:
    with home.register.open("ab+") as file:
        file.seek(0)
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
        file.write(lines.encode())
        file.flush()
        os.fsync(file.fileno())
    # The seal is written after the lines: a run that dies in between leaves a register longer than its seal.
    content = home.register.read_bytes()
    seal: dict[str, object] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    replace_json(home.register_seal, {**seal, **({"turn": turn.isoformat()} if turn else {})})


def is_edited(home: Home) -> bool:
    """Whether the register was truncated or edited: it does not match its seal."""
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
    """The message about a truncated or edited register."""
    return (
        f"{home.register}：登记表与写入时不符（被截短或改动）。请查明原因，并从备份恢复它和 {home.register_seal.name}；"
        "没有备份时按现有内容重新登记：zhenjie restore --accept-loss 原因，或下一次 zhenjie run；"
        "此前缺失或被替换的内容则无法核对"
    )


def withdraw_note(home: Home, folder: Path) -> None:
    """Record that a partition is deleted on purpose, if it was recorded."""
    place = folder.relative_to(home.root).as_posix()
    if place not in {thing.place for thing in registered(home)}:
        return
    _append(home, f"{_WITHDRAWN}{place}\n", turn_under_way(home))


def missing(home: Home) -> Iterator[tuple[Thing, Damage]]:
    """Recorded things that are missing, except things that may have been moved away."""
    things = registered(home)
    since = kept_since(things)
    for thing in things:
        if thing.parts[0] in DELIVERED or thing.is_there(home) or _may_be_away(home, thing, since):
            continue
        problem, remedy = described(home, thing)
        yield thing, Damage(home.root / thing.place, thing.batch, f"曾经生成，现已缺失：{problem}", remedy)


def kept_since(things: list[Thing]) -> date | None:
    """The oldest batch whose returns must still exist; None if all must exist."""
    batches = sorted({thing.batch for thing in things if thing.batch and thing.parts[0] not in DELIVERED})
    return batches[-KEPT_BATCHES] if len(batches) >= KEPT_BATCHES else None


def places_of_turns(home: Home, batch: date | None = None) -> Iterator[str]:
    """The paths of existing things that turns have made, of one batch or of all."""
    day = batch.isoformat() if batch else "*"
    patterns = (
        f"lake/*/*/batch={day}/{MANIFEST}",
        f"returns/{day}/index.json",
        f"returns/{day}/summary.html",
    )
    for path in _found(home, patterns):
        yield (path.parent if path.name == MANIFEST else path).relative_to(home.root).as_posix()
    for path in sorted(home.acceptance.glob(day)):
        if _DAY.fullmatch(path.name):
            yield path.relative_to(home.root).as_posix()


def _there(home: Home, batch: date | None) -> Iterator[str]:
    day = batch.isoformat() if batch else "*"
    yield from places_of_turns(home, batch)
    patterns = (
        f"inbox/{day}/[!.]*/{RECEIPT}",
        f"inbox/{day}/[!.]*/{CONFIRMATION}",
        f"aside/{day}/[!.]*/{RECEIPT}",
        "answers/done/[!.]*",
    )
    for path in _found(home, patterns):
        yield path.relative_to(home.root).as_posix()
    for path in (*(home.root / name for name in _SINGLE), home.lake / KEYS):
        if path.exists():
            yield path.relative_to(home.root).as_posix()


def _found(home: Home, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(home.root.glob(pattern))


def _may_be_away(home: Home, thing: Thing, since: date | None) -> bool:
    if thing.place == home.previous_warehouse.name:
        # A database that was published again without a predecessor has no previous file.
        return not accepted(home).of_previous
    if thing.place in _MAY_GO:
        return True
    if thing.parts[0] not in _MOVABLE or thing.batch is None or since is None or thing.batch >= since:
        return False
    return not (home.root / thing.parts[0] / thing.batch.isoformat()).exists()


def described(home: Home, thing: Thing) -> tuple[str, str]:
    """The Chinese name of a thing, and the remedy if it is missing."""
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
        case ("inbox", *_):
            return "交付的回执或确认", NOT_OURS.format(thing.batch)
        case ("aside", *_):
            return "未能采用的文件的回执", _BACKUP
        case ("signing.key",):
            return "签章密钥", "请从备份恢复；下一次运行按现有密钥签章，此前下发的工作簿将被拒收"
        case ("standard.accepted.json",):
            return "标准表查询库的校验值", "运行最新批次即重新生成：zhenjie run"
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
