"""The kinds of error, as declared in ``data/errors/*.yaml``: where each stands, what it does, and how it can be known.

One entry of a file is one way to err, ``at`` the places where departments err so; each place is a kind of its own.
How values are changed belongs to ``changes``, which records are struck to ``faults``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, cast

from sample_city.world.basis.tables import DATA
from schemas.document import plain_yaml

Basis = Literal["standard", "record", "linked", "unknown"]
"""How an error can be known: it breaks a published standard, contradicts a value of the same record, contradicts a
delivered value of a linked record, or not at all."""
ATTRIBUTES: Final = (
    "person.name", "person.phone", "person.village", "enterprise.name", "enterprise.representative",
    "enterprise.phone",
)  # fmt: skip
"""Attributes that are judged error by error: does another delivered row state the right value?"""
RATE: Final = 0.0006


@dataclass(frozen=True)
class ErrorKind:
    """One kind of error at one place.

    Attributes:
        name: Unique within a dataset and its fields.
        says: What went wrong, in Chinese.
        dataset: Where it stands.
        fields: The columns that are wrong; several where one slip spoils them together.
        change: Name of the change of the value.
        values: Arguments of the change.
        rate: Share of the records of the dataset (of those of the occasion) that are struck.
        occasion: Name of the records that the kind is about, empty for all.
        stays: The row is delivered although it should be gone.
        copied: The error is a further row, below the row that it repeats.
        run: Records one after another that one slip spoils.
        basis: How the error can be known.
        why: The standard, the other value or the attribute; for an unknown error the reason.
        side: Whose value is wrong: always the row that was struck.
    """

    name: str
    says: str
    dataset: str
    fields: tuple[str, ...]
    change: str
    values: Mapping[str, Any]
    rate: float
    occasion: str
    stays: bool
    copied: bool
    run: int
    basis: Basis
    why: str
    side: str = "here"

    @property
    def topic(self) -> str:
        """Name of the stream of random numbers."""
        return f"{self.dataset} {self.name} {'+'.join(self.fields)}"


@cache
def declared() -> tuple[ErrorKind, ...]:
    """Every declared kind, file by file in the order of their names.

    Raises:
        ValueError: A kind is declared twice, or says neither how it can be known nor why not.
    """
    found = [
        kind
        for path in sorted((DATA / "errors").glob("*.yaml"))
        for entry in plain_yaml(path.read_text("utf-8"))
        for kind in _kinds(entry)
    ]
    seen: set[str] = set()
    for kind in found:
        if kind.topic in seen:
            raise ValueError(f"the kind {kind.topic} is declared twice")
        seen.add(kind.topic)
    return tuple(found)


def _kinds(entry: Mapping[str, Any]) -> list[ErrorKind]:
    basis, _, why = entry["knowable"].partition(": ")
    if basis not in ("standard", "record", "linked", "unknown") or not why:
        raise ValueError(f"{entry['kind']}: knowable is 'standard|record|linked|unknown: reason'")
    change = entry.get("change", {})
    name, values = (change, {}) if isinstance(change, str) else next(iter(change.items()), ("", {}))
    kinds = []
    for place in entry["at"]:
        department, dataset, fields = place.split(".")
        kinds.append(
            ErrorKind(
                entry["kind"],
                entry["says"],
                f"{department}.{dataset}",
                tuple(fields.split("+")),
                name,
                values,
                entry.get("rate", RATE),
                entry.get("occasion", ""),
                entry.get("stays", False),
                entry.get("copied", False),
                entry.get("run", 1),
                cast(Basis, basis),
                why,
            )
        )
    return kinds
