"""Codes as people read them: the label of each code, for the sheets that show it and the replies to them.

Only code tables whose labels a person writes instead of the code; names of divisions are not labels of this kind.
"""

from __future__ import annotations

import polars as pl

from schemas.codes import LABELLED_CODES, CodeLibrary
from schemas.contract.library import Library


def code_labels(codes: CodeLibrary) -> pl.DataFrame:
    """Columns `code_table`, `code`, `label`: every code of the short tables, those out of use included."""
    return pl.concat(
        rows.select(pl.lit(table).alias("code_table"), "code", "label")
        for table in codes.ids()
        if (rows := codes.load(table).rows).height <= LABELLED_CODES
    )


def labelled(
    rows: pl.DataFrame, names: tuple[str, ...], library: Library, codes: CodeLibrary
) -> pl.DataFrame:
    """Rows with `dataset` and `field`, the values of `names` shown as the sheets show them.

    A value of a coded field becomes its label; one that is no code stays as it is.
    """
    coded = pl.DataFrame(
        [
            (contract.id, column.name, column.codes)
            for contract in library
            for column in contract.columns
            if column.codes
        ],
        schema={"dataset": pl.String, "field": pl.String, "code_table": pl.String},
        orient="row",
    )
    labels = code_labels(codes)
    shown = rows.join(coded, on=["dataset", "field"], how="left", maintain_order="left")
    for name in names:
        shown = (
            shown.join(
                labels.rename({"code": name}), on=["code_table", name], how="left", maintain_order="left"
            )
            .with_columns(pl.coalesce("label", name).alias(name))
            .drop("label")
        )
    return shown.drop("code_table")
