"""Which file may lie in the place of a published database: the newest one that was accepted, by its sha256.

A switch is announced before the file is renamed and settled after it. While it is pending, the database of before
and the one that takes its place are both right; once it is settled, the newest alone is.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from warehouse.home.files import replace_json, sha256_of


@dataclass(frozen=True)
class Checksums:
    """The sha256 of the published file, of the one before it, and of one whose switch was begun and not settled."""

    current: str | None = None
    previous: str | None = None
    pending: str | None = None

    @property
    def of_current(self) -> tuple[str, ...]:
        """What the published file may have."""
        return tuple(sha256 for sha256 in (self.pending, self.current) if sha256)

    @property
    def of_previous(self) -> tuple[str, ...]:
        """What the file published before may have: a pending switch puts the present one there."""
        pending = self.current if self.pending else None
        return tuple(sha256 for sha256 in (self.previous, pending) if sha256)


def read_checksums(path: Path) -> Checksums:
    """The checksums in a file; none without the file.

    Earlier versions kept a list, newest first.

    Raises:
        ValueError: the file holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Checksums()
    if isinstance(found, list):
        return Checksums(*found[:2])
    if not isinstance(found, dict) or not found.keys() <= {"current", "previous", "pending"}:
        raise ValueError(f"{path}: no checksums")
    return Checksums(**found)


def known_checksums(path: Path) -> Checksums:
    """The checksums in a file; none where it cannot be understood, so that no database passes."""
    try:
        return read_checksums(path)
    except (ValueError, TypeError):
        return Checksums()


def write_checksums(path: Path, checksums: Checksums) -> None:
    """Put the checksums in place in one step."""
    replace_json(path, asdict(checksums))


def announce(path: Path, sha256: str, present: Path) -> Checksums:
    """Begin a switch: the file of this sha256 is about to be put in place.

    Args:
        path: the file of checksums.
        sha256: of the file that comes.
        present: the file that lies in the place now; its checksum is taken where none is known.

    Returns:
        The checksums until the switch is settled.
    """
    known = known_checksums(path)
    if known.current is None and present.exists():
        known = Checksums(sha256_of(present))
    known = replace(known, pending=sha256)
    write_checksums(path, known)
    return known


def settle(path: Path, database: Path, before: Path | None = None) -> None:
    """End a switch that was announced, whether or not its run came to rename the file.

    Args:
        path: the file of checksums.
        database: the published file.
        before: the file that was published before it.
    """
    known = known_checksums(path)
    if known.pending is None:
        return
    previous = known.previous
    if before is not None and before.exists():
        found = sha256_of(before)
        previous = found if found in known.of_previous else previous
    arrived = database.exists() and sha256_of(database) == known.pending
    write_checksums(path, Checksums(known.pending if arrived else known.current, previous))
