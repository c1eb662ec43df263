"""A contract as the headings of a delivery: what a department's workbook has in its first row."""

from __future__ import annotations

from schemas.contract.model import Contract


def headers(contract: Contract) -> tuple[str, ...]:
    """The Chinese headings, in the contract's order; derived columns are not delivered."""
    return tuple(column.title for column in contract.delivered_columns)
