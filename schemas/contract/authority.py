"""Whose word counts: for each attribute of an entity one list of datasets, the most authoritative first (数源顺序).

A folder says it in `_authority.yaml`:

    person:
      resident_id: [police.population]
      phone: [police.population, grid.resident]

The list of the entity's key is another matter than the lists of the other attributes: it says which datasets
establish the entity, that is which persons there are. Every other dataset that feeds the key only speaks of them.

Here: reading the lists. That they agree with what contracts feed is checked in `schemas.lints.sources`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.declared import Declaration, Order, declared_at, read_order
from schemas.document import read_document

Authority = Mapping[tuple[str, str], Order]
"""(entity, attribute) → the ids of datasets in order."""

_SHAPE = "{<attribute>: [<dataset>, …]}"


def read_authority(folders: Sequence[Path]) -> Authority:
    """The orders that folders declare; a later folder's list takes the place of an earlier one for the attribute.

    Raises:
        ContractError: a file cannot be read, or what it says of an attribute is no list of datasets.
    """
    orders: dict[tuple[str, str], Order] = {}
    for path in declared_at(Declaration.AUTHORITY, folders):
        document = read_document(path)
        for entity, lists in document.data.items():
            if not isinstance(lists, Mapping):
                raise document.error(f"{entity}: write {_SHAPE}", str(entity))
            for attribute, value in lists.items():
                at = (str(entity), str(attribute))
                orders[at] = read_order(document, at, value, orders.get(at))
    return orders


def authority_digest(authority: Authority) -> str:
    """A fingerprint of all orders, wherever they are declared."""
    said = sorted((*at, *order.names) for at, order in authority.items())
    return hashlib.sha256(repr(said).encode()).hexdigest()
