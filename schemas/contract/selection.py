"""The part of a library that an installation runs: a bureau begins with the datasets it already receives.

What a chosen contract says of one that is left out rests meanwhile: the rules that join it, the reference to it,
the way to a township through it. `resting` names these, so that nobody takes them for checked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from schemas.contract.library import Library
from schemas.contract.model import Column, Contract


@dataclass(frozen=True)
class Resting:
    """Something a contract declares that waits for a dataset which is left out."""

    contract: str
    what: str
    dataset: str


def unmatched(library: Library, patterns: Sequence[str]) -> list[str]:
    """The patterns that no dataset of the library matches."""
    return [
        pattern for pattern in patterns if not any(fnmatchcase(contract.id, pattern) for contract in library)
    ]


def select(library: Library, patterns: Sequence[str]) -> Library:
    """The library with only the datasets whose id matches one of the patterns; with none, all of it.

    Args:
        library: every contract there is.
        patterns: dataset ids, with `*` for any part, such as `police.*`.
    """
    if not patterns:
        return library
    chosen = [c for c in library if any(fnmatchcase(c.id, pattern) for pattern in patterns)]
    ids = {contract.id for contract in chosen}
    return replace(library, contracts=tuple(_without_others(contract, ids) for contract in chosen))


def resting(library: Library, patterns: Sequence[str]) -> Iterator[Resting]:
    """What the chosen contracts declare of datasets that are left out."""
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
