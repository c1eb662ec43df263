"""Authority: for each attribute of an entity one list of datasets, the most authoritative first (数源顺序).

A folder declares it in `_authority.yaml`:

    person:
      resident_id: [police.population]
      phone: [police.population, grid.resident]

The list of the entity's key differs from the other lists: it names the datasets that establish the entity. In the
example, a person exists if the population register has a row of theirs. Every other dataset that feeds the key only
refers to existing persons.

Reads the lists. `schemas.lints.sources` checks that they agree with the contracts.
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
    """The orders that folders declare. A later folder's list replaces an earlier list for the same attribute.

    Raises:
        ContractError: a file cannot be read, or the value of an attribute is not a list of datasets.
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
    """A fingerprint of all orders. It does not depend on the folders that declare them."""
    said = sorted((*at, *order.names) for at, order in authority.items())
    return hashlib.sha256(repr(said).encode()).hexdigest()
