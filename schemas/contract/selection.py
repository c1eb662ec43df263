"""The part of a library that an installation runs. Example: a bureau begins with the datasets it already receives.

A chosen contract may name a dataset that is left out: in the join of a rule, in a reference, in a way to a township.
These parts rest meanwhile. `resting` lists them, so that nobody believes they are checked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from schemas.contract.library import Library
from schemas.contract.model import Column, Contract


@dataclass(frozen=True)
class Resting:
    """A part of a contract that rests because it names a dataset that is left out."""

    contract: str
    what: str
    dataset: str


def unmatched(library: Library, patterns: Sequence[str]) -> list[str]:
    """The patterns that no dataset of the library matches."""
    return [
        pattern for pattern in patterns if not any(fnmatchcase(contract.id, pattern) for contract in library)
    ]


def select(library: Library, patterns: Sequence[str]) -> Library:
    """The library with only the datasets whose id matches a pattern. Without patterns, the whole library.

    Args:
        library: all contracts.
        patterns: dataset ids, with `*` for any part, such as `police.*`.
    """
    if not patterns:
        return library
    chosen = [c for c in library if any(fnmatchcase(c.id, pattern) for pattern in patterns)]
    ids = {contract.id for contract in chosen}
    return replace(library, contracts=tuple(_without_others(contract, ids) for contract in chosen))


def resting(library: Library, patterns: Sequence[str]) -> Iterator[Resting]:
    """The parts of the chosen contracts that name datasets that are left out."""
    ids = {contract.id for contract in select(library, patterns)}
    for contract in library:
        if contract.id not in ids:
            continue
        for column in contract.columns:
            if column.references and (dataset := _referred(column)) not in ids:
                yield Resting(contract.id, f"{column.name}: reference", dataset)
        for rule in contract.rules:
            for join in rule.joins:
                if join.dataset not in ids:
                    yield Resting(contract.id, f"{rule.field}: rule {rule.name}", join.dataset)
        for route in contract.routes:
            if route.dataset is not None and route.dataset not in ids:
                yield Resting(contract.id, f"unit by {route.column}", route.dataset)


def _without_others(contract: Contract, ids: Collection[str]) -> Contract:
    return replace(
        contract,
        columns=tuple(_column(column, ids) for column in contract.columns),
        rules=tuple(r for r in contract.rules if all(join.dataset in ids for join in r.joins)),
        routes=tuple(r for r in contract.routes if r.dataset is None or r.dataset in ids),
    )


def _column(column: Column, ids: Collection[str]) -> Column:
    lost = column.references is not None and _referred(column) not in ids
    return replace(column, references=None) if lost else column


def _referred(column: Column) -> str:
    assert column.references is not None
    return column.references.rpartition(".")[0]
