"""What a reader must know of a file, taken from its contract."""

from __future__ import annotations

from schemas.contract import Contract, Delivery
from warehouse.collect.readers import Layout, LayoutColumn

DEFAULT_ENCODINGS = ("utf-8-sig", "gb18030")


def layout_of(contract: Contract, delivery: Delivery) -> Layout:
    """How a file of this delivery is read."""
    return Layout(
        form=delivery.form,
        encodings=delivery.encodings or DEFAULT_ENCODINGS,
        delimiter=delivery.delimiter,
        sheet=delivery.sheet,
        table=delivery.table,
        header_row=delivery.header_row,
        columns=tuple(
            LayoutColumn(
                name=column.name,
                titles=column.titles,
                required=column.required,
                key=column.key,
                repeats_merged=column.repeats_merged,
                from_sheet_name=column.from_sheet_name,
            )
            for column in contract.delivered_columns
        ),
    )
