"""A partition: the Parquet files it stands on, and what it holds otherwise than an earlier one.

Mostly that is one file with all of its rows. But a day on which little changed rests on the partition before: it
names that one's files again, and adds a patch. A patch holds the rows that are new or otherwise, and for each row
that is gone one with nothing but its identity and `_gone`; a row of it takes the place of every row of the same
identity in the files before it. An identity never comes again for other rows. Once there is too much in patches,
base and patches are merged into one file; the last patch is kept beside it, for what follows from its changes. How
partitions are written and found is `warehouse.lake.store`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

from schemas.emit.sql import quote
from warehouse.lake.layers import Layer

GONE = "_gone"
"""The column of a patch that tells rows that are gone from those that are there."""

# The number of the patch that a row is from, while patches are read.
_NUMBER = "_patch"


@dataclass(frozen=True)
class PartitionFile:
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
class MergedPatches:
    """Of what the first file of a partition was merged.

    `origins` are the files that it is the sum of, batch → content; `last` is the patch that was laid over last, and
    `earlier` the fingerprint of the partition that it was laid over.
    """

    origins: Mapping[str, str]
    earlier: str
    last: PartitionFile


@dataclass(frozen=True)
class Partition:
    """A whole partition as its manifest tells it.

    `inputs` maps what the partition was made from (other partitions, the contract, the rules) to
    fingerprints; `facts` are further plain facts the stage wants to keep. `row_id` is the column that
    identifies a row, where there are patches.
    """

    folder: Path
    layer: Layer
    table: str
    batch: date
    parts: tuple[PartitionFile, ...]
    inputs: Mapping[str, str]
    facts: Mapping[str, object]
    row_id: str | None = None
    merged: MergedPatches | None = None

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
    def files(self) -> tuple[PartitionFile, ...]:
        """Every file that the manifest names."""
        return (*self.parts, *([self.merged.last] if self.merged else []))

    @property
    def origins(self) -> dict[str, str]:
        """The files that its rows came in first, batch → content, whatever was merged since."""
        first, *patches = self.parts
        base = dict(self.merged.origins) if self.merged else dict([first.identity])
        return base | dict(patch.identity for patch in patches)

    @property
    def scan(self) -> str:
        """The partition as a relation in SQL; keys are named, not told."""
        first, *patches = self.parts
        base = read_files([self.path(first)], first.key)
        if not patches:
            return base
        assert self.row_id is not None
        kept = (
            f"SELECT * FROM {base} ANTI JOIN {self._named(patches)} AS patched USING ({quote(self.row_id)})"
        )
        return f"({kept} UNION ALL {self._patched(patches)})"

    def path(self, part: PartitionFile) -> Path:
        """Where a file of it lies."""
        return self.folder.parent / f"batch={part.batch}" / part.name

    def changes(self, earlier: Partition) -> Changes | None:
        """What this partition holds otherwise than an earlier one.

        Returns:
            None when this one does not rest on it: then every row may be otherwise.
        """
        patches = self._since(earlier)
        if patches is None:
            return None
        if not patches:
            nothing = f"(SELECT * FROM {self.scan} WHERE false)"
            return Changes(nothing, nothing, any=False)
        assert self.row_id is not None
        named = f"SEMI JOIN {self._named(patches)} AS patched USING ({quote(self.row_id)})"
        return Changes(lost=f"(SELECT * FROM {earlier.scan} {named})", gained=f"({self._patched(patches)})")

    def _since(self, earlier: Partition) -> Sequence[PartitionFile] | None:
        """The patches by which this partition differs from an earlier one that it rests on."""
        known = len(earlier.parts)
        if [p.identity for p in self.parts[:known]] == [p.identity for p in earlier.parts]:
            return self.parts[known:]
        if self.merged is not None and self.merged.earlier == earlier.fingerprint:
            return (self.merged.last, *self.parts[1:])
        return None

    def _named(self, patches: Sequence[PartitionFile]) -> str:
        """The identities that patches say something of."""
        assert self.row_id is not None
        return f"(SELECT {quote(self.row_id)} FROM {self._rows(patches)})"

    def _patched(self, patches: Sequence[PartitionFile]) -> str:
        """The rows of patches, as the last that names each says it is.

        However many patches there are, the query is of the same size: planning would take longer than reading them.
        """
        assert self.row_id is not None
        rows, identity = self._rows(patches), quote(self.row_id)
        if len(patches) > 1:
            latest = f"(SELECT {identity}, max({_NUMBER}) AS {_NUMBER} FROM {rows} GROUP BY {identity})"
            rows += f" SEMI JOIN {latest} AS latest USING ({identity}, {_NUMBER})"
        return f"SELECT * EXCLUDE ({GONE}, {_NUMBER}) FROM {rows} WHERE NOT {GONE}"

    def _rows(self, patches: Sequence[PartitionFile]) -> str:
        """All rows of patches, each with its patch's number."""
        reads = []
        for key, alike in groupby(enumerate(patches), lambda numbered: numbered[1].key):
            numbers, parts = zip(*alike, strict=True)
            files = read_files([self.path(part) for part in parts], key)
            # No column of ours is called that: the lint of contracts sees to it.
            reads.append(f"SELECT *, file_index + {numbers[0]} AS {_NUMBER} FROM {files}")
        return f"({' UNION ALL '.join(reads)})"


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
