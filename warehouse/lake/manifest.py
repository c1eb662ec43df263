"""The manifest of a partition: the file that lists the partition's files. It is replaced in one step.

It is JSON: files, rows, inputs and facts of a `Partition`. Default values are left out. `warehouse.lake.store` knows
which partitions exist.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from warehouse.home.files import replace_json
from warehouse.lake.layers import Layer
from warehouse.lake.partition import MergedPatches, Partition, PartitionFile

MANIFEST = "_manifest.json"


class DamagedPartition(Exception):
    """A partition whose files differ from its manifest, or whose manifest cannot be read; names the file."""


def write_manifest(partition: Partition) -> None:
    """Put a partition's manifest into its folder."""
    batch, merged = partition.batch, partition.merged
    told = {**asdict(merged), "last": _told(merged.last, batch)} if merged else None
    replace_json(
        partition.folder / MANIFEST,
        {
            "parts": [_told(part, batch) for part in partition.parts],
            **({"merged": told} if told else {}),
            "rows": partition.rows,
            "inputs": dict(partition.inputs),
            "facts": dict(partition.facts),
            **({"row_id": partition.row_id} if partition.row_id else {}),
        },
    )


def read_manifest(folder: Path, layer: Layer, table: str, batch: date) -> Partition | None:
    """The partition that a folder's manifest describes, or None without a manifest.

    Raises:
        DamagedPartition: the manifest cannot be read.
    """
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        told = json.loads(text)
        merged = told.get("merged")
        return Partition(
            folder,
            layer,
            table,
            batch,
            parts=tuple(_part(part, batch) for part in told["parts"]),
            inputs=told["inputs"],
            facts=told["facts"],
            row_id=told.get("row_id"),
            merged=MergedPatches(**{**merged, "last": _part(merged["last"], batch)}) if merged else None,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedPartition(f"{folder / MANIFEST} is no manifest") from error


def _told(part: PartitionFile, batch: date) -> dict[str, object]:
    """A file as an entry of the manifest, without default values."""
    silent = {"batch": batch.isoformat(), "lost": 0, "key": None, "content": None}
    return {name: fact for name, fact in asdict(part).items() if name not in silent or fact != silent[name]}


def _part(told: Mapping[str, Any], batch: date) -> PartitionFile:
    return PartitionFile(**{"batch": batch.isoformat(), **told})
