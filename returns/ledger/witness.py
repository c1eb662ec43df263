"""The witness: a file beside the ledger with a line for each entry, so that a lost entry can be named.

A line holds an entry's number, time, kind, subject and hash: no answer, no query, no data of any resident. Lines are
only added. The ledger is written first: it may be ahead of the file after a crash, and is then caught up with. A
ledger that is behind the file has lost entries.

The newest line is kept once more in a file of its own, the mark, written after the witness: a witness that does not
have it was cut short or replaced by an older one.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

_TAIL = 4096


@dataclass(frozen=True)
class Witnessed:
    """An entry as the witness knows it; `number` and `link` are of the data's chain, if the entry is in it."""

    seq: int
    at: str
    kind: str
    subject: str
    hash: str
    number: int | None = None
    link: str | None = None


@dataclass(frozen=True)
class Witness:
    """The file of one installation."""

    path: Path

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    def last(self) -> Witnessed | None:
        """The newest line; None without a file, or when it has no line yet."""
        try:
            with self.path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                return _last(file.fileno())[0]
        except FileNotFoundError:
            return None

    @property
    def mark_path(self) -> Path:
        """Where the newest line is kept once more."""
        return self.path.with_name(f"{self.path.name}.newest")

    def mark(self) -> Witnessed | None:
        """The newest line as it is kept beside the file; None where it was not kept yet, or is damaged."""
        try:
            return _parsed(self.mark_path.read_bytes())
        except FileNotFoundError:
            return None

    def is_cut(self) -> bool:
        """Whether the file lacks the line that the mark has."""
        mark = self.mark()
        if mark is None or not self.exists():
            return False
        last = self.last()
        if last == mark:
            return False
        return last is None or last.seq < mark.seq or mark not in self.lines()

    def lines(self) -> list[Witnessed]:
        """All lines, oldest first."""
        try:
            with self.path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                content = file.read()
        except FileNotFoundError:
            return []
        # What follows the last line break was not written to its end.
        return [parsed for line in content.split(b"\n")[:-1] if (parsed := _parsed(line)) is not None]

    def catch_up(self, entries: Callable[[Witnessed | None], Iterable[Witnessed]]) -> None:
        """Add the entries that the file does not have.

        Args:
            entries: gives the entries after the last line, oldest first; asked while the file is locked, so that
                what it reads is not behind the file.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked() as handle:
            last, whole = _last(handle)
            new = list(entries(last))
            added = b"".join(map(_line, new))
            if os.fstat(handle).st_size != whole:
                os.ftruncate(handle, whole)
            if added:
                os.lseek(handle, whole, os.SEEK_SET)
                _write(handle, added)
            os.fsync(handle)
            newest = new[-1] if new else last
            if newest is not None and (new or not self.mark_path.exists()):
                self._keep_mark(newest)

    def replace(self, entries: Iterable[Witnessed]) -> None:
        """Write the whole file anew, in one step."""
        lines = list(entries)
        _replace(self.path, b"".join(map(_line, lines)))
        if lines:
            self._keep_mark(lines[-1])

    def _keep_mark(self, newest: Witnessed) -> None:
        # Not flushed: after a power cut an older mark, or an empty one, asks for less than the witness has.
        _replace(self.mark_path, _line(newest), flushed=False)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                # It may have been replaced while this process waited.
                if os.fstat(handle).st_ino == self.path.stat().st_ino:
                    yield handle
                    return
            finally:
                os.close(handle)


def _replace(path: Path, content: bytes, *, flushed: bool = True) -> None:
    """Write a whole file in one step, on the disk before it is in place unless that is not asked for."""
    draft = path.with_name(f".{path.name}")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        if flushed:
            os.fsync(file.fileno())
    draft.replace(path)


def _line(entry: Witnessed) -> bytes:
    facts = {name: value for name, value in asdict(entry).items() if value is not None}
    return (json.dumps(facts, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _parsed(line: bytes) -> Witnessed | None:
    try:
        return Witnessed(**json.loads(line))
    except (ValueError, TypeError):
        return None  # damaged: the lines around it still tell


def _last(handle: int) -> tuple[Witnessed | None, int]:
    """The newest whole line of a file, and where it ends."""
    size, tail = os.fstat(handle).st_size, _TAIL
    while True:
        begin = max(0, size - tail)
        content = os.pread(handle, size - begin, begin)
        end = content.rfind(b"\n")
        start = content.rfind(b"\n", 0, end) if end > 0 else -1
        if begin == 0 or start >= 0:
            break
        tail *= 2
    if end < 0:
        return None, 0
    newest = _parsed(content[start + 1 : end])
    if newest is None:
        content = os.pread(handle, begin + end + 1, 0)
        newest = next(filter(None, map(_parsed, reversed(content.split(b"\n")))), None)
    return newest, begin + end + 1


def _write(handle: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]
