"""What a department sends of an extract on a later day instead of everything: what is not as it was.

A delivery is a function of city and day, so its changes are found by comparing what would be delivered whole on
the day of the delivery before with what would be delivered whole today, slice of records by slice. Records are matched
apart by their key as delivered:

- 新增: the key was not in the delivery before.
- 变更: it was, and some row of it reads otherwise. All rows of the key are sent, a copy that stayed as it was among
  them, for the newest delivery that names a record counts with all of its rows.
- 删除: the key is gone. One row of it is sent as it last read.

What reads otherwise may be true news, an error that has begun, or one that the department put right. A record without
news is not sent, and what was delivered of it stays in force: an error in it still stands, in the file of then, and
who retired becomes an error by not being said to be gone. Laid over the delivery before, by key, the changes give the
whole of today in other order. How a row reads belongs to delivery, what is true to truth.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CHANGE
from sample_city.forms.delivery import SLICE, Consignment
from sample_city.world.basis.streams import Ints, Mask

NEW, DIFFERENT, GONE = "新增", "变更", "删除"
IDENTITY: Final = ("_record", "_copy")


@dataclass(frozen=True)
class Changes:
    """The changes of one extract between two deliveries.

    Attributes:
        before: The delivery before, whole.
        after: The delivery of the day, whole.
        lines: The rows sent, in order: record, copy, change. Those that are gone read as in ``before``.
    """

    before: Consignment
    after: Consignment
    lines: pl.DataFrame

    def slices(self) -> Iterator[pl.DataFrame]:
        """The rows as delivered, column names as in the standard."""
        for start in range(0, max(len(self.lines), 1), SLICE):
            lines = self.lines.slice(start, SLICE)
            gone = (lines.get_column("change") == GONE).to_numpy()
            rows = pl.concat([self._read(self.before, lines, gone), self._read(self.after, lines, ~gone)])
            order = np.argsort(np.concatenate([np.flatnonzero(gone), np.flatnonzero(~gone)]), kind="stable")
            yield rows[order].with_columns(lines.get_column("change").alias(CHANGE))

    @staticmethod
    def _read(sent: Consignment, lines: pl.DataFrame, these: Mask) -> pl.DataFrame:
        return sent.rows(
            lines.get_column("record").to_numpy()[these], lines.get_column("copy").to_numpy()[these]
        )

    def faults(self) -> pl.DataFrame:
        """The errors in force, those of rows sent first, as in ``Consignment``; where none is sent, no position."""
        sent = self.lines.with_row_index("position").filter(pl.col("change") != GONE)
        places = sent.select("record", "copy", pl.col("position").cast(pl.Int64))
        placed = self.after.faults.drop("position").join(places, on=["record", "copy"], how="left")
        return placed.sort("position", "record", "field", nulls_last=True)


def changes(before: Consignment, after: Consignment) -> Changes:
    """What has changed between two whole deliveries of the same extract; a slice of both is in memory at a time."""
    last = max((int(sent.records.max(initial=-1)) for sent in (before, after)), default=-1)
    bounds = np.arange(0, last + 1 + SLICE, SLICE, dtype=np.int32)
    lines = [
        _between(earlier, later, after.extract.delivery.key)
        for earlier, later in zip(_ranged(before, bounds), _ranged(after, bounds), strict=True)
    ]
    return Changes(before, after, pl.concat(lines))


def _ranged(sent: Consignment, bounds: Ints) -> Iterator[pl.DataFrame]:
    """The delivered rows of the records between each two bounds, in order of record and copy, with their identity."""
    order = np.lexsort((sent.copies, sent.records))
    records, copies = sent.records[order], sent.copies[order]
    cuts = np.searchsorted(records, bounds)
    for first, end in itertools.pairwise(cuts):
        mine = slice(first, end)
        yield sent.rows(records[mine], copies[mine]).with_columns(
            _record=pl.Series(records[mine]), _copy=pl.Series(copies[mine])
        )


def _between(before: pl.DataFrame, after: pl.DataFrame, key: str) -> pl.DataFrame:
    """Columns record, copy, change of the rows to send, in order of record and copy."""
    news = after.join(before, on=after.columns, how="anti")
    lost = before.join(after, on=after.columns, how="anti")
    touched = pl.concat([news.select(key), lost.select(key)]).unique()
    now, then = after.join(touched, on=key, how="semi"), before.join(touched, on=key, how="semi")
    known = pl.col(key).is_in(then.get_column(key).implode())
    kept = now.with_columns(pl.when(known).then(pl.lit(DIFFERENT)).otherwise(pl.lit(NEW)).alias("change"))
    gone = then.join(now, on=key, how="anti").unique(key, keep="first", maintain_order=True)
    gone = gone.with_columns(pl.lit(GONE).alias("change"))
    both = pl.concat([kept.select(*IDENTITY, "change"), gone.select(*IDENTITY, "change")])
    return both.sort(*IDENTITY, "change").rename({"_record": "record", "_copy": "copy"})
