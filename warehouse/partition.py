"""A partition: the Parquet files it stands on, and what it holds otherwise than an earlier one.

Mostly that is one file with all of its rows. But a day on which little changed rests on the partition before: it
names that one's files again, and adds a patch. A patch holds the rows that are new or otherwise, and for each row
that is gone one with nothing but its identity and `_gone`; a row of it takes the place of every row of the same
identity in the files before it. An identity never comes again for other rows. How partitions are written and
found is `warehouse.lake`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from schemas.emit.sql import quote

GONE = "_gone"
"""The column of a patch that tells rows that are gone from those that are there."""


@dataclass(frozen=True)
class Part:
    """One file of a partition: name, rows, sha256; what it is encrypted with, and a digest of its rows.

    A plain file has no `key`, and no `content` but the sha256, unless it was encrypted before. `batch` is that of
    the folder it lies in, `lost` the rows of the files before it that are gone or replaced.
    """

    name: str
    rows: int
    sha256: str
    batch: str
    lost: int = 0
    key: str | None = None
    content: str | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """What the file holds and where, whatever it is encrypted with."""
        return self.batch, self.content or self.sha256


@dataclass(frozen=True)
class Partition:
    """A whole partition as its manifest tells it.

    `inputs` maps what the partition was made from (other partitions, the contract, the rules) to
    fingerprints; `facts` are further plain facts the stage wants to keep. `row_id` is the column that
    identifies a row, where there are patches.
    """

    folder: Path
    layer: str
    table: str
    batch: date
    parts: tuple[Part, ...]
    inputs: Mapping[str, str]
    facts: Mapping[str, object]
    row_id: str | None = None

    @property
    def rows(self) -> int:
        """The number of rows that are in force."""
        return sum(part.rows - part.lost for part in self.parts)

    @property
    def fingerprint(self) -> str:
        """What this partition's content is, for those made from it."""
        return hashlib.sha256(
            "".join(part.content or part.sha256 for part in self.parts).encode()
        ).hexdigest()

    @property
    def scan(self) -> str:
        """The partition as a relation in SQL; keys are named, not told."""
        if self.row_id is None or len(self.parts) == 1:
            return _read(self.path(self.parts[0]), self.parts[0].key)
        base = _read(self.path(self.parts[0]), self.parts[0].key)
        kept = f"SELECT * FROM {base} ANTI JOIN {self._named(1)} AS patched USING ({quote(self.row_id)})"
        return f"({kept} UNION ALL {self._patched(1)})"

    def path(self, part: Part) -> Path:
        """Where a file of it lies."""
        return self.folder.parent / f"batch={part.batch}" / part.name

    def changes(self, earlier: Partition) -> Changes | None:
        """What this partition holds otherwise than an earlier one.

        Returns:
            None when this one does not rest on it: then every row may be otherwise.
        """
        known = len(earlier.parts)
        if [p.identity for p in self.parts[:known]] != [p.identity for p in earlier.parts]:
            return None
        if known == len(self.parts):
            nothing = f"(SELECT * FROM {self.scan} WHERE false)"
            return Changes(nothing, nothing, any=False)
        assert self.row_id is not None
        named = f"SEMI JOIN {self._named(known)} AS patched USING ({quote(self.row_id)})"
        return Changes(lost=f"(SELECT * FROM {earlier.scan} {named})", gained=f"({self._patched(known)})")

    def _named(self, first: int) -> str:
        """The identities that the patches from the one of that number on say something of."""
        assert self.row_id is not None
        every = " UNION ALL ".join(
            f"SELECT {quote(self.row_id)} FROM {_read(self.path(part), part.key)}"
            for part in self.parts[first:]
        )
        return f"({every})"

    def _patched(self, first: int) -> str:
        """The rows of the patches from the one of that number on, as the last that names each says it is."""
        assert self.row_id is not None
        parts = []
        for number, part in enumerate(self.parts[first:], start=first):
            rows = f"SELECT * EXCLUDE ({GONE}) FROM {_read(self.path(part), part.key)} WHERE NOT {GONE}"
            if number + 1 < len(self.parts):
                rows = (
                    f"SELECT * FROM ({rows}) "
                    f"ANTI JOIN {self._named(number + 1)} AS later USING ({quote(self.row_id)})"
                )
            parts.append(rows)
        return " UNION ALL ".join(parts)


@dataclass(frozen=True)
class Changes:
    """Rows that were there and are so no more, and rows that are there now, each as a relation in SQL."""

    lost: str
    gained: str
    any: bool = True


def read_files(paths: Sequence[Path], key: str | None) -> str:
    """Parquet files as a relation in SQL, all encrypted with the key of that name, or plain."""
    files = ", ".join(f"'{escaped(path)}'" for path in paths)
    sealed = f", encryption_config = {{footer_key: '{key}'}}" if key else ""
    return f"read_parquet([{files}], hive_partitioning = false{sealed})"


def escaped(path: Path) -> str:
    """A path within quotes of SQL."""
    return str(path).replace("'", "''")


def _read(path: Path, key: str | None) -> str:
    return read_files([path], key)
