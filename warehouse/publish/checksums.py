"""The accepted checksums: the sha256 that the file in the place of a published database may have.

A switch is announced before the file is renamed, and settled after it. While it is pending, the old and the new
database are both accepted. When it is settled, only the new one is. Example: a run dies between announcement and
rename; the old database is still accepted.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from warehouse.home.files import replace_json, sha256_of


@dataclass(frozen=True)
class Checksums:
    """The sha256 of the published file, of the file before it, and of the file of a pending switch."""

    current: str | None = None
    previous: str | None = None
    pending: str | None = None

    @property
    def of_current(self) -> tuple[str, ...]:
        """The checksums that the published file may have."""
        return tuple(sha256 for sha256 in (self.pending, self.current) if sha256)

    @property
    def of_previous(self) -> tuple[str, ...]:
        """The checksums that the previous file may have. A pending switch moves the present file there."""
        pending = self.current if self.pending else None
        return tuple(sha256 for sha256 in (self.previous, pending) if sha256)


def read_checksums(path: Path) -> Checksums:
    """The checksums in a file; empty if the file does not exist.

    Earlier versions wrote a list, newest first.

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
    """The checksums in a file; empty if the file cannot be parsed, so that no database passes."""
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
        sha256: the checksum of the new file.
        present: the file that is published now; its checksum is computed if none is known.

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
    """End a switch that was announced, whether or not its run renamed the file.

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
