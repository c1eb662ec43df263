"""A partition: its Parquet files, and its changes since an earlier partition.

Most partitions are one file with all rows. If little changed, a partition rests on the partition before: it names
the earlier files again and adds a patch. A patch holds new and changed rows, and for each deleted row its identity
with `_gone`. A patch row replaces every row of the same identity in earlier files. An identity is never used again
for another row. Example: one of a million rows changes; the new partition is yesterday's file and a patch of one row.

When patches grow too large, base and patches are merged into one file. The last patch is kept beside it, because
later tables read its changes. `warehouse.lake.store` writes and finds partitions.
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
"""The column of a patch that marks deleted rows."""

# The number of a row's patch, while patches are read.
_NUMBER = "_patch"


@dataclass(frozen=True)
class PartitionFile:
    """One file of a partition: name, rows, sha256, the name of its key, and a digest of its rows.

    A plain file has no `key`. Its content is identified by the sha256, or by `content` if it was encrypted before.
    `batch` is the batch of its folder. `lost` counts the rows of earlier files that it deletes or replaces.
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
        """The batch and the content of the file, independent of its encryption."""
        return self.batch, self.content or self.sha256


@dataclass(frozen=True)
class MergedPatches:
    """The files that were merged into the first file of a partition.

    `origins` are the merged files, batch → content. `last` is the last patch. `earlier` is the fingerprint of the
    partition that the last patch was laid over.
    """

    origins: Mapping[str, str]
    earlier: str
    last: PartitionFile


@dataclass(frozen=True)
class Partition:
    """A whole partition as its manifest describes it.

    `inputs` maps the inputs of the partition (other partitions, the contract, the rules) to fingerprints. `facts`
    are further plain facts of the stage. `row_id` is the column that identifies a row, if there are patches.
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
        """The identity of this partition's content; tables that read it keep this fingerprint."""
        return hashlib.sha256(
            "".join(part.content or part.sha256 for part in self.parts).encode()
        ).hexdigest()

    @property
    def files(self) -> tuple[PartitionFile, ...]:
        """Every file that the manifest names."""
        return (*self.parts, *([self.merged.last] if self.merged else []))

    @property
    def origins(self) -> dict[str, str]:
        """The files in which its rows were first written, batch → content. Merging does not change them."""
        first, *patches = self.parts
        base = dict(self.merged.origins) if self.merged else dict([first.identity])
        return base | dict(patch.identity for patch in patches)

    @property
    def scan(self) -> str:
        """The partition as a relation in SQL. The SQL has the names of keys, not the keys."""
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
        """The path of one of its files."""
        return self.folder.parent / f"batch={part.batch}" / part.name

    def changes(self, earlier: Partition) -> Changes | None:
        """The rows that differ between this partition and an earlier one.

        Returns:
            None when this partition does not rest on the earlier one: every row may differ.
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
        """The identities that patches add, change or delete."""
        assert self.row_id is not None
        return f"(SELECT {quote(self.row_id)} FROM {self._rows(patches)})"

    def _patched(self, patches: Sequence[PartitionFile]) -> str:
        """The rows of patches; for each identity the row of its last patch.

        The query does not grow with the number of patches: planning a long query would take longer than reading.
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
            # The lint of contracts refuses a column of this name.
            reads.append(f"SELECT *, file_index + {numbers[0]} AS {_NUMBER} FROM {files}")
        return f"({' UNION ALL '.join(reads)})"


@dataclass(frozen=True)
class Changes:
    """The old rows that are deleted or changed, and the new or changed rows, each as a relation in SQL."""

    lost: str
    gained: str
    any: bool = True


def read_files(paths: Sequence[Path], key: str | None) -> str:
    """Parquet files as a relation in SQL: all encrypted with the key of this name, or all plain."""
    files = ", ".join(f"'{escaped(path)}'" for path in paths)
    sealed = f", encryption_config = {{footer_key: '{key}'}}" if key else ""
    return f"read_parquet([{files}], hive_partitioning = false{sealed})"


def escaped(path: Path) -> str:
    """A path for use within SQL quotes."""
    return str(path).replace("'", "''")
