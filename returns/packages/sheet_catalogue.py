"""The sheets of an installation: those shipped, those of the bureau's own folders, and which package has which.

A folder of the bureau holds its sheets in `_sheets/`, as `returns/packages/sheets` holds those shipped: `<name>.yaml`
and `<name>.sql` for each, and `_packages.yaml` with the order of the sheets of a package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from returns.packages import sheet_spec
from returns.packages.sheet_spec import SheetError, SheetSpec, read_sheet
from schemas.declared import Declaration, Order, declared_at, read_order
from schemas.document import ContractError, read_document
from schemas.lints.problem import did_you_mean

PACKAGES = "_packages.yaml"
FIRST_SHEETS = {"township": "tickets", "department": "department_tickets"}
"""Audience → the sheet that its package begins with: the number of its rows is what waits for an answer."""


@dataclass(frozen=True)
class SheetCatalogue:
    """The sheets of an installation.

    Attributes:
        sheets: every declared sheet by its name.
        orders: audience → the names of the sheets of its package.
        paths: where each sheet is declared.
        digest: a fingerprint of everything declared: what was made of other sheets is out of date.
    """

    sheets: Mapping[str, SheetSpec]
    orders: Mapping[str, Order]
    paths: Mapping[str, Path]
    digest: str

    def of(self, audience: str) -> tuple[SheetSpec, ...]:
        """The sheets of a package in their order."""
        return tuple(self.sheets[name] for name in self.orders[audience].names)


def load_sheets(folders: Sequence[Path] = ()) -> SheetCatalogue:
    """Read the sheets that are shipped and those of the bureau's own folders, in that order.

    Raises:
        SheetError: a sheet cannot be read, or two have one name.
        ContractError: an order is no list of declared sheets, or does not begin with the sheet that it must.
    """
    sheets: dict[str, SheetSpec] = {}
    paths: dict[str, Path] = {}
    places = declared_at(Declaration.SHEETS, folders, sheet_spec.FOLDER)
    for place in places:
        for path in sorted(place.glob("[!_.]*.y*ml")):
            if path.suffix != ".yaml":
                raise SheetError(path, 1, "a sheet's file name ends in .yaml: rename it")
            if path.stem in paths:
                message = (
                    f"a sheet {path.stem} is already declared in {paths[path.stem]}: choose another name"
                )
                raise SheetError(path, 1, message)
            sheets[path.stem], paths[path.stem] = read_sheet(path), path
    return SheetCatalogue(sheets, _orders(places, sheets), paths, _digest(places))


@cache
def shipped_sheets() -> SheetCatalogue:
    """The sheets that are shipped."""
    return load_sheets()


def _orders(places: Sequence[Path], sheets: Mapping[str, SheetSpec]) -> dict[str, Order]:
    orders: dict[str, Order] = {}
    for path in (place / PACKAGES for place in places):
        if not path.exists():
            continue
        document = read_document(path)
        for audience, value in document.data.items():
            if audience not in FIRST_SHEETS:
                message = f"unknown package {audience}: {did_you_mean(str(audience), FIRST_SHEETS)}"
                raise document.error(message, str(audience))
            order = read_order(document, (audience,), value, orders.get(audience))
            if unknown := [name for name in order.names if name not in sheets]:
                message = f"{audience}: no sheet is called {unknown[0]}: {did_you_mean(unknown[0], sheets)}"
                raise document.error(message, audience)
            if order.names[0] != FIRST_SHEETS[audience]:
                message = (
                    f"{audience}: the first sheet is {FIRST_SHEETS[audience]}, for its rows wait for answers"
                )
                raise document.error(f"{message}: put it first", audience)
            orders[audience] = order
    if missing := [audience for audience in FIRST_SHEETS if audience not in orders]:
        raise ContractError(places[0] / PACKAGES, 1, f"{missing[0]} is missing: say which sheets it has")
    return orders


def _digest(places: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for place in places:
        for path in sorted(place.glob("*.*")):
            digest.update(f"{path.name}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
