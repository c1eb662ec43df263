"""The lake: `<layer>/<table>/batch=YYYY-MM-DD/`, Parquet written beside and put in place with a manifest.

The manifest is the partition: it names the files, their rows and checksums, and the fingerprints of what the
partition was made from. It is replaced in one step, so that a reader sees a whole partition or the one
before. What the tables mean is not known here.

With a key every file is encrypted, by a fresh nonce each time, so that its bytes say nothing of its content:
the manifest then keeps a digest of the rows, and that is what the partition's fingerprint follows from.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from uuid import uuid4

import duckdb
import polars as pl

from warehouse.encryption import NO_KEYS, Keys

MANIFEST = "_manifest.json"
# Which keys the lake's files need; not there while all are plain.
KEYS = "_keys.json"
PARTITION = re.compile(r"batch=(\d{4}-\d{2}-\d{2})")


class DamagedPartition(Exception):
    """A partition whose files are not what its manifest says, or whose manifest is none; names the file."""


@dataclass(frozen=True)
class Part:
    """One file of a partition: name, rows, sha256; what it is encrypted with, and a digest of its rows.

    A plain file has no `key`, and no `content` but the sha256, unless it was encrypted before.
    """

    name: str
    rows: int
    sha256: str
    key: str | None = None
    content: str | None = None


@dataclass(frozen=True)
class Partition:
    """A whole partition as its manifest tells it.

    `inputs` maps what the partition was made from (other partitions, the contract, the rules) to
    fingerprints; `facts` are further plain facts the stage wants to keep.
    """

    folder: Path
    layer: str
    table: str
    batch: date
    parts: tuple[Part, ...]
    inputs: Mapping[str, str]
    facts: Mapping[str, object]

    @property
    def rows(self) -> int:
        """The number of rows in all files."""
        return sum(part.rows for part in self.parts)

    @property
    def fingerprint(self) -> str:
        """What this partition's content is, for those made from it."""
        return hashlib.sha256(
            "".join(part.content or part.sha256 for part in self.parts).encode()
        ).hexdigest()

    @property
    def scan(self) -> str:
        """The partition as a relation in SQL; keys are named, not told."""
        files = ", ".join(f"'{_escaped(self.folder / part.name)}'" for part in self.parts)
        key = next((part.key for part in self.parts if part.key), None)
        return _scan(f"[{files}]", key)


@dataclass(frozen=True)
class Lake:
    """A folder of partitions, read and written with the installation's keys."""

    root: Path
    keys: Keys = NO_KEYS

    def folder(self, layer: str, table: str, batch: date) -> Path:
        """Where a partition lies."""
        return self.root / layer / table / f"batch={batch.isoformat()}"

    def write(
        self,
        connection: duckdb.DuckDBPyConnection,
        layer: str,
        table: str,
        batch: date,
        query: str,
        *,
        inputs: Mapping[str, str],
        facts: Mapping[str, object] | None = None,
        measures: Mapping[str, str] | None = None,
    ) -> Partition:
        """Write the rows of `query`, in its order, as the partition, replacing one that was there.

        With a key the file is encrypted, and the connection's database must know it. A run that dies leaves
        at most files that no manifest names; the next write takes them away.

        Args:
            connection: what `query` reads must be visible to it.
            layer: the layer.
            table: the table.
            batch: the day of the turn.
            query: SQL that sorts its rows by something unique. Where rows only keep the order they come in,
                the number of threads decides how they are grouped in the file, and so its bytes.
            inputs: fingerprints of what the rows follow from.
            facts: plain facts to keep in the manifest.
            measures: name → SQL aggregate over the rows written; the values are kept among the facts.
        """
        folder = self.folder(layer, table, batch)
        part, measured = self._write_part(connection, folder, query, measures or {})
        told = {**(facts or {}), **measured}
        partition = Partition(folder, layer, table, batch, (part,), dict(sorted(inputs.items())), told)
        _put_in_place(partition)
        return partition

    def rewrite(self, connection: duckdb.DuckDBPyConnection, partition: Partition) -> Partition:
        """Write a partition's rows anew with the present key, or plain without one; else it stays the same.

        Its fingerprint stays too, so that nothing made from it is made again.
        """
        if {part.key for part in partition.parts} == {self.keys.present and self.keys.present.id}:
            return partition
        [before] = partition.parts
        query = f"FROM {partition.scan}"
        part, _ = self._write_part(
            connection, partition.folder, query, {}, content=before.content or before.sha256
        )
        rewritten = replace(partition, parts=(part,))
        _put_in_place(rewritten)
        return rewritten

    def _write_part(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        query: str,
        measures: Mapping[str, str],
        content: str | None = None,
    ) -> tuple[Part, dict[str, object]]:
        """The rows of a query as a file of a folder, and the measures of them; no manifest names it yet."""
        key = self.keys.present.id if self.keys.present else None
        if key:
            note_keys(self.root, {*needed_keys(self.root), key})
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"draft-{uuid4().hex}.parquet"
        sealed = f", ENCRYPTION_CONFIG {{footer_key: '{key}'}}" if key else ""
        try:
            connection.execute(
                f"COPY ({query}) TO '{_escaped(draft)}' "
                f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1{sealed})"
            )
            scan = _scan(f"'{_escaped(draft)}'", key)
            rows, measured = _measured(connection, scan, measures)
            digest = sha256_of(draft)
            if key and content is None:
                content = _content(connection, scan)
            # Named by the content: a query of the lake is the same as long as what it reads is.
            name = f"part-{(content or digest)[:16]}{f'-{key}' if key else ''}.parquet"
            flush(draft)
            draft.replace(folder / name)
        finally:
            draft.unlink(missing_ok=True)
        return Part(name, rows, digest, key, content), measured

    def check(self) -> None:
        """The keys at hand read every file of the lake.

        Raises:
            WrongKey: a key that some file needs is missing; names it.
        """
        self.keys.check(needed_keys(self.root), self.root)

    def partition(self, layer: str, table: str, batch: date) -> Partition | None:
        """The partition of exactly this batch, if there is one.

        Raises:
            DamagedPartition: its manifest cannot be read.
            WrongKey: it is encrypted with a key that is not at hand.
        """
        found = _read(self.folder(layer, table, batch), layer, table, batch)
        if found is not None:
            self.keys.check((part.key for part in found.parts if part.key), found.folder)
        return found

    def fresh(self, layer: str, table: str, batch: date, inputs: Mapping[str, str]) -> Partition | None:
        """The newest partition not after `batch`, if it was made from exactly these inputs."""
        newest = self.as_of(layer, table, batch)
        return newest if newest is not None and dict(newest.inputs) == dict(inputs) else None

    def batches(self, layer: str, table: str) -> list[date]:
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

    def as_of(self, layer: str, table: str, batch: date) -> Partition | None:
        """The newest partition not after `batch`."""
        earlier = [found for found in self.batches(layer, table) if found <= batch]
        return self.partition(layer, table, earlier[-1]) if earlier else None

    def before(self, layer: str, table: str, batch: date) -> Partition | None:
        """The newest partition of an earlier batch."""
        earlier = [found for found in self.batches(layer, table) if found < batch]
        return self.partition(layer, table, earlier[-1]) if earlier else None

    def places(self) -> Iterator[tuple[str, str, date]]:
        """Layer, table and batch of every partition of the lake, in their order."""
        for manifest in sorted(self.root.glob(f"*/*/batch=*/{MANIFEST}")):
            match = PARTITION.fullmatch(manifest.parent.name)
            if match:
                layer, table = manifest.parent.parent.relative_to(self.root).parts
                yield layer, table, date.fromisoformat(match[1])


def needed_keys(lake: Path) -> frozenset[str]:
    """The keys without which some file of a lake cannot be read."""
    try:
        return frozenset(json.loads((lake / KEYS).read_text(encoding="utf-8"))["keys"])
    except FileNotFoundError:
        return frozenset()


def note_keys(lake: Path, needed: Iterable[str]) -> None:
    """Keep which keys a lake's files need."""
    keys = sorted(needed)
    if frozenset(keys) != needed_keys(lake):
        lake.mkdir(parents=True, exist_ok=True)
        replace_json(lake / KEYS, {"keys": keys})


def verify(partition: Partition) -> None:
    """Compare a partition's files with its manifest.

    Raises:
        DamagedPartition: a file is missing or its checksum differs; names it.
    """
    for part in partition.parts:
        path = partition.folder / part.name
        if not path.exists():
            raise DamagedPartition(f"{path} is missing")
        if sha256_of(path) != part.sha256:
            raise DamagedPartition(f"{path} is not what its manifest says")


def sha256_of(path: Path) -> str:
    """The sha256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(value: object) -> str:
    """A fingerprint of a plain value, the same on every machine."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_frame(frame: pl.DataFrame) -> str:
    """A fingerprint of a frame's names and rows in their order; nothing and an empty text are told apart."""
    return hashlib.sha256(frame.write_csv(quote_style="necessary").encode()).hexdigest()


def replace_json(path: Path, value: object) -> None:
    """Write a JSON file beside and put it in place in one step."""
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False, indent=1, sort_keys=True, default=str)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _measured(
    connection: duckdb.DuckDBPyConnection, scan: str, measures: Mapping[str, str]
) -> tuple[int, dict[str, object]]:
    """The number of rows of a file, and the measures of them."""
    asked = ", ".join(["count(*)", *measures.values()])
    row = connection.execute(f"SELECT {asked} FROM {scan}").fetchone()
    assert row is not None
    return row[0], dict(zip(measures, row[1:], strict=True))


def _content(connection: duckdb.DuckDBPyConnection, scan: str) -> str:
    """A digest of a file's columns and rows, whatever their order; two sums of 64-bit hashes tell them apart."""
    columns = connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE FROM {scan})").fetchall()
    sums = connection.execute(
        "SELECT count(*), CAST(sum(CAST(hash(t) AS HUGEINT)) AS VARCHAR), "
        f"CAST(bit_xor(hash(t, 1)) AS VARCHAR) FROM {scan} AS t"
    ).fetchone()
    return digest_of([columns, sums])


def _scan(files: str, key: str | None) -> str:
    sealed = f", encryption_config = {{footer_key: '{key}'}}" if key else ""
    return f"read_parquet({files}, hive_partitioning = false{sealed})"


def _put_in_place(partition: Partition) -> None:
    replace_json(
        partition.folder / MANIFEST,
        {
            "parts": [
                {name: fact for name, fact in asdict(part).items() if fact is not None}
                for part in partition.parts
            ],
            "rows": partition.rows,
            "inputs": dict(partition.inputs),
            "facts": dict(partition.facts),
        },
    )
    flush(partition.folder)
    named = {part.name for part in partition.parts} | {MANIFEST}
    for stale in partition.folder.iterdir():
        if stale.name not in named:
            stale.unlink()


def _read(folder: Path, layer: str, table: str, batch: date) -> Partition | None:
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        manifest = json.loads(text)
        parts = tuple(Part(**part) for part in manifest["parts"])
        return Partition(folder, layer, table, batch, parts, manifest["inputs"], manifest["facts"])
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedPartition(f"{folder / MANIFEST} is no manifest") from error


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
