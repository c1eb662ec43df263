"""The part of a contract that a reader needs to read a file."""

from __future__ import annotations

from schemas.contract.model import Contract, Delivery
from warehouse.collect.readers.layout import Layout, LayoutColumn

_MEASURED = ("integer", "number", "date", "timestamp")
DEFAULT_ENCODINGS = ("utf-8-sig", "gb18030")


def layout_of(contract: Contract, delivery: Delivery, file_name: str | None = None) -> Layout:
    """Describe to a reader how to read a file of this delivery; `file_name` is its name when it was delivered."""
    return Layout(
        form=delivery.form,
        encodings=delivery.encodings or DEFAULT_ENCODINGS,
        delimiter=delivery.delimiter,
        sheet=delivery.sheet,
        table=delivery.table,
        header_row=delivery.header_row,
        without_headings=delivery.without_headings,
        file_name=file_name,
        columns=tuple(
            LayoutColumn(
                name=column.name,
                titles=column.titles,
                required=column.required,
                key=column.key,
                repeats_merged=column.repeats_merged,
                from_sheet_name=column.from_sheet_name,
                from_group_row=column.from_group_row,
                from_file_name=column.from_file_name,
                from_title=column.from_title,
                measured=column.type in _MEASURED,
                dated=column.type in ("date", "timestamp"),
            )
            for column in contract.delivered_columns
        ),
    )
