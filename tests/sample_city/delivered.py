"""One delivered batch of the sample city, as the tests read it."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sample_city.generate import Summary
from sample_city.registry import EXTRACTS

KEYS = {extract.delivery.dataset: extract.delivery.key for extract in EXTRACTS}


@dataclass(frozen=True)
class Delivered:
    """One batch: `raw` as in the files (with `_row`), `clean` without blanks and the like."""

    folder: Path
    summary: Summary
    raw: dict[str, pl.DataFrame]
    clean: dict[str, pl.DataFrame]
    truth: dict[str, pl.DataFrame]

    def unplanted(self, dataset: str, *fields: str) -> pl.DataFrame:
        """The ordinary rows in which none of these fields (any field if none is named) is planted.

        Rows that are unusual but right are left out.
        """
        planted = self.truth["errors"].filter(pl.col("dataset") == dataset)
        if fields:
            planted = planted.filter(pl.col("field").is_in(list(fields)))
        rows = planted.select(pl.col("row").cast(pl.Int64).alias("_row"), pl.col("part").alias("_part"))
        clean = self.clean[dataset].join(rows, on=["_row", "_part"], how="anti", maintain_order="left")
        odd = self.truth["unusual"].filter(pl.col("dataset") == dataset).get_column("record_key")
        return clean.filter(~pl.col(KEYS[dataset]).is_in(odd.implode()))
