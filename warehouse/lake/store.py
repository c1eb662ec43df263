"""The lake: folders `<layer>/<table>/batch=YYYY-MM-DD/` of Parquet files, each folder with a manifest.

The manifest is the partition: it names the files, their rows and checksums, and the fingerprints of the inputs. It is
replaced in one step, so that a reader sees the whole old partition or the whole new one. A file stays as long as a
later partition rests on it (`warehouse.lake.partition`). This module does not know the meaning of the tables.

With a key every file is encrypted with a fresh nonce, so equal content has different bytes. Therefore the manifest
keeps a digest of the rows, and the partition's fingerprint is computed from this digest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from uuid import uuid4

import duckdb

from schemas.emit.sql import quote
from warehouse.home.encryption import NO_KEYS, Keys
from warehouse.home.files import digest_of, flush, replace_json, sha256_of
from warehouse.lake.layers import Layer
from warehouse.lake.manifest import MANIFEST, DamagedPartition, read_manifest, write_manifest
from warehouse.lake.partition import GONE, MergedPatches, Partition, PartitionFile, escaped, read_files
from warehouse.lake.thresholds import DEFAULT, Thresholds

# The names of the keys that the lake's files need; missing while all files are plain.
KEYS = "_keys.json"
PARTITION = re.compile(r"batch=(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True)
class Origin:
    """The inputs and facts that a partition keeps beside its rows.

    Attributes:
        inputs: name → fingerprint of an input.
        facts: plain facts.
        measures: name → SQL aggregate over the written rows; the facts keep the values.
    """

    inputs: Mapping[str, str]
    facts: Mapping[str, object] = field(default_factory=dict)
    measures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Lake:
    """A folder of partitions, read and written with the installation's keys. `thresholds` decide about merging."""

    root: Path
    keys: Keys = NO_KEYS
    thresholds: Thresholds = DEFAULT

    def folder(self, layer: Layer, table: str, batch: date) -> Path:
        """The folder of a partition."""
        return self.root / layer / table / f"batch={batch.isoformat()}"

    def write(
        self,
        connection: duckdb.DuckDBPyConnection,
        layer: Layer,
        table: str,
        batch: date,
        query: str,
        origin: Origin,
    ) -> Partition:
        """Write the rows of `query`, in its order, as the partition. It replaces an existing partition.

        With a key the file is encrypted, and the connection's database must know the key. A run that dies leaves
        at most files that no manifest names; the next write deletes them.

        Args:
            connection: what `query` reads must be visible to it.
            layer: the layer.
            table: the table.
            batch: the day of the turn.
            query: SQL that sorts its rows by a unique value. Without a sort, the number of threads decides how the
                rows are grouped in the file, and so its bytes.
            origin: the inputs and facts for the manifest.
        """
        folder = self.folder(layer, table, batch)
        part, measured = self._write_part(connection, folder, query, origin.measures)
        told, inputs = {**origin.facts, **measured}, dict(sorted(origin.inputs.items()))
        partition = Partition(folder, layer, table, batch, (part,), inputs, told)
        self._put_in_place(partition)
        return partition

    def patch(
        self,
        connection: duckdb.DuckDBPyConnection,
        base: Partition,
        batch: date,
        query: str,
        row_id: str,
        origin: Origin,
    ) -> Partition:
        """Write the changes since an earlier partition as a new partition that rests on the earlier one.

        Args:
            connection: what `query` reads must be visible to it.
            base: the earlier partition, of the same table.
            batch: the day of the turn.
            query: the columns of `base` and `_gone`: new and changed rows, and for each deleted row its identity;
                sorted as for `write`.
            row_id: the column that identifies a row, the same in all patches of the table.
            origin: as for `write`, without measures.
        """
        assert base.batch < batch and base.row_id in (None, row_id)
        folder = self.folder(base.layer, base.table, batch)
        measures = {
            "gone": f"count(*) FILTER ({GONE})",
            "lost": f"(SELECT count(*) FROM {base.scan} WHERE {quote(row_id)} IN "
            f"(SELECT {quote(row_id)} FROM {{written}}))",
        }
        part, measured = self._write_part(connection, folder, query, measures, drop_empty=True)
        lost, gone = measured["lost"], measured["gone"]
        assert isinstance(lost, int) and isinstance(gone, int)
        if not part.rows:
            return self.repeat(base, batch, origin)
        partition = replace(
            base,
            folder=folder,
            batch=batch,
            parts=(*base.parts, replace(part, rows=part.rows - gone, lost=lost)),
            inputs=dict(sorted(origin.inputs.items())),
            facts=origin.facts,
            row_id=row_id,
        )
        if self._is_to_be_merged(partition):
            partition = self._merged(connection, partition, base.fingerprint)
        self._put_in_place(partition)
        return partition

    def _is_to_be_merged(self, partition: Partition) -> bool:
        first, *patches = partition.parts
        patched = sum(part.rows + part.lost for part in patches)
        return self.thresholds.ask_merge(first.rows, patched, len(patches))

    def _merged(self, connection: duckdb.DuckDBPyConnection, partition: Partition, earlier: str) -> Partition:
        """The partition with all rows in one file. The last patch, and the partition under it, stay on record."""
        assert partition.row_id is not None
        query = f"FROM {partition.scan} ORDER BY {quote(partition.row_id)}"
        whole, _ = self._write_part(connection, partition.folder, query, {})
        merged = MergedPatches(partition.origins, earlier, partition.parts[-1])
        return replace(partition, parts=(whole,), merged=merged)

    def repeat(self, base: Partition, batch: date, origin: Origin) -> Partition:
        """Write a partition with the same rows as an earlier one. It rests on the earlier files."""
        folder = self.folder(base.layer, base.table, batch)
        inputs = dict(sorted(origin.inputs.items()))
        partition = replace(base, folder=folder, batch=batch, inputs=inputs, facts=origin.facts)
        folder.mkdir(parents=True, exist_ok=True)
        self._put_in_place(partition)
        return partition

    def remove(self, partition: Partition) -> None:
        """Remove a partition, so that the one before is in force. Files that later partitions name stay."""
        (partition.folder / MANIFEST).unlink(missing_ok=True)
        flush(partition.folder)
        self._sweep(partition.folder)

    def rewrite(self, connection: duckdb.DuckDBPyConnection, partition: Partition) -> Partition:
        """Write a partition's files again with the present key, or plain without a key. The rows do not change.

        The fingerprint stays too, so that no table that reads the partition is made again.
        """
        present = self.keys.present.id if self.keys.present else None
        if {part.key for part in partition.files} == {present}:
            return partition
        anew = partial(self._rewritten, connection, partition)
        merged = partition.merged
        rewritten = replace(
            partition,
            parts=tuple(map(anew, partition.parts)),
            merged=replace(merged, last=anew(merged.last)) if merged else None,
        )
        self._put_in_place(rewritten)
        for part in partition.files:
            self._sweep(self.folder(partition.layer, partition.table, date.fromisoformat(part.batch)))
        return rewritten

    def _rewritten(
        self, connection: duckdb.DuckDBPyConnection, partition: Partition, part: PartitionFile
    ) -> PartitionFile:
        """One file, written again in its folder with the present key, or plain without a key."""
        present = self.keys.present.id if self.keys.present else None
        if part.key == present:
            return part
        folder, content = partition.path(part).parent, part.content or part.sha256
        known = folder / _name(content, present)
        if known.exists():
            # The file was already rewritten for another partition that rests on it.
            return replace(part, name=known.name, sha256=sha256_of(known), key=present, content=content)
        query = f"FROM {read_files([partition.path(part)], part.key)}"
        written, _ = self._write_part(connection, folder, query, {}, content=content)
        return replace(part, name=written.name, sha256=written.sha256, key=present, content=content)

    def _write_part(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        query: str,
        measures: Mapping[str, str],
        content: str | None = None,
        *,
        drop_empty: bool = False,
    ) -> tuple[PartitionFile, dict[str, object]]:
        """Write the rows of a query as a file and compute its measures. No manifest names the file yet."""
        key = self.keys.present.id if self.keys.present else None
        if key:
            note_keys(self.root, {*needed_keys(self.root), key})
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"draft-{uuid4().hex}.parquet"
        sealed = f", ENCRYPTION_CONFIG {{footer_key: '{key}'}}" if key else ""
        try:
            connection.execute(
                f"COPY ({query}) TO '{escaped(draft)}' "
                f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1{sealed})"
            )
            scan = read_files([draft], key)
            rows, measured = _measured(connection, scan, measures)
            digest = sha256_of(draft)
            if key and content is None:
                content = _content(connection, scan)
            # The name follows from the content: a query on the lake has the same text while its input is the same.
            name = _name(content or digest, key)
            if rows or not drop_empty:
                flush(draft)
                draft.replace(folder / name)
        finally:
            draft.unlink(missing_ok=True)
        return PartitionFile(
            name, rows, digest, folder.name.removeprefix("batch="), key=key, content=content
        ), measured

    def _put_in_place(self, partition: Partition) -> None:
        write_manifest(partition)
        flush(partition.folder)
        self._sweep(partition.folder)

    def _sweep(self, folder: Path) -> None:
        """Delete the files of a partition's folder that no manifest names any more."""
        for stale in self.unnamed(folder):
            stale.unlink()

    def unnamed(self, folder: Path) -> list[Path]:
        """The files of a partition's folder that neither its manifest nor a later one of the table names."""
        batch = folder.name.removeprefix("batch=")
        named = {MANIFEST}
        name, table = folder.parent.relative_to(self.root).parts
        layer = Layer(name)
        for day in reversed(self.batches(layer, table)):
            if day.isoformat() < batch or {path.name for path in folder.iterdir()} <= named:
                break
            try:
                partition = read_manifest(self.folder(layer, table, day), layer, table, day)
            except DamagedPartition:
                return []  # the files that it named are unknown
            named |= {part.name for part in partition.files if part.batch == batch} if partition else set()
        return sorted(path for path in folder.iterdir() if path.name not in named)

    def check(self) -> None:
        """Check that the present keys can read every file of the lake.

        Raises:
            WrongKey: a file needs a key that is missing; names the key.
        """
        self.keys.check(needed_keys(self.root), self.root)

    def partition(self, layer: Layer, table: str, batch: date) -> Partition | None:
        """The partition of exactly this batch, if there is one.

        Raises:
            DamagedPartition: its manifest cannot be read.
            WrongKey: it is encrypted with a key that is missing.
        """
        found = read_manifest(self.folder(layer, table, batch), layer, table, batch)
        if found is not None:
            self.keys.check((part.key for part in found.files if part.key), found.folder)
        return found

    def fresh(self, layer: Layer, table: str, batch: date, inputs: Mapping[str, str]) -> Partition | None:
        """The newest partition not after `batch`, if it was made from exactly these inputs."""
        newest = self.as_of(layer, table, batch)
        return newest if newest is not None and dict(newest.inputs) == dict(inputs) else None

    def batches(self, layer: Layer, table: str) -> list[date]:
        """The batches that have a partition, oldest first."""
        folder = self.root / layer / table
        if not folder.is_dir():
            return []
        found = (PARTITION.fullmatch(child.name) for child in folder.iterdir())
        return sorted(
            date.fromisoformat(match[1])
            for match in found
            if match and (folder / match[0] / MANIFEST).exists()
        )

    def as_of(self, layer: Layer, table: str, batch: date) -> Partition | None:
        """The newest partition not after `batch`."""
        earlier = [found for found in self.batches(layer, table) if found <= batch]
        return self.partition(layer, table, earlier[-1]) if earlier else None

    def with_fingerprint(
        self, layer: Layer, table: str, batch: date, fingerprint: str | None
    ) -> Partition | None:
        """The newest partition not after `batch`, if it has this fingerprint."""
        newest = self.as_of(layer, table, batch)
        return newest if newest is not None and newest.fingerprint == fingerprint else None

    def before(self, layer: Layer, table: str, batch: date) -> Partition | None:
        """The newest partition of an earlier batch."""
        earlier = [found for found in self.batches(layer, table) if found < batch]
        return self.partition(layer, table, earlier[-1]) if earlier else None

    def places(self) -> Iterator[tuple[Layer, str, date]]:
        """Layer, table and batch of every partition of the lake, in their order."""
        for manifest in sorted(self.root.glob(f"*/*/batch=*/{MANIFEST}")):
            match = PARTITION.fullmatch(manifest.parent.name)
            layer, table = manifest.parent.parent.relative_to(self.root).parts
            if match and layer in set(Layer):
                yield Layer(layer), table, date.fromisoformat(match[1])


def needed_keys(lake: Path) -> frozenset[str]:
    """The names of the keys that the files of a lake need."""
    try:
        return frozenset(json.loads((lake / KEYS).read_text(encoding="utf-8"))["keys"])
    except FileNotFoundError:
        return frozenset()


def note_keys(lake: Path, needed: Iterable[str]) -> None:
    """Record the names of the keys that a lake's files need."""
    keys = sorted(needed)
    if frozenset(keys) != needed_keys(lake):
        lake.mkdir(parents=True, exist_ok=True)
        replace_json(lake / KEYS, {"keys": keys})


def damaged(partition: Partition, sound: set[tuple[Path, str]] | None = None) -> Iterator[PartitionFile]:
    """The files of a partition that are missing or differ from its manifest.

    Args:
        partition: the partition.
        sound: paths with checksums that were verified before, because several partitions may rest on one file. Files
            that pass are added.
    """
    known = set() if sound is None else sound
    for part in partition.files:
        file = partition.path(part), part.sha256
        if file in known:
            continue
        if file[0].exists() and sha256_of(file[0]) == part.sha256:
            known.add(file)
        else:
            yield part


def _measured(
    connection: duckdb.DuckDBPyConnection, scan: str, measures: Mapping[str, str]
) -> tuple[int, dict[str, object]]:
    """The number of rows of a file, and the values of the measures."""
    asked = ", ".join(["count(*)", *(measure.replace("{written}", scan) for measure in measures.values())])
    row = connection.execute(f"SELECT {asked} FROM {scan}").fetchone()
    assert row is not None
    return row[0], dict(zip(measures, row[1:], strict=True))


def _content(connection: duckdb.DuckDBPyConnection, scan: str) -> str:
    """A digest of a file's columns and rows: two sums of 64-bit hashes, independent of the order of rows."""
    columns = connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE FROM {scan})").fetchall()
    sums = connection.execute(
        "SELECT count(*), CAST(sum(CAST(hash(t) AS HUGEINT)) AS VARCHAR), "
        f"CAST(bit_xor(hash(t, 1)) AS VARCHAR) FROM {scan} AS t"
    ).fetchone()
    return digest_of([columns, sums])


def _name(content: str, key: str | None) -> str:
    return f"part-{content[:16]}{f'-{key}' if key else ''}.parquet"
