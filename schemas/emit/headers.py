"""A contract as the headings of a delivery: the first row of a department's workbook."""

from __future__ import annotations

from schemas.contract.model import Contract


def headers(contract: Contract) -> tuple[str, ...]:
    """The Chinese headings in the contract's order, without derived columns: they are not delivered."""
    return tuple(column.title for column in contract.delivered_columns)
