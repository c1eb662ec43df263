"""The first of two files that a department sends on a later day: not the right one, and replaced the same day.

The second counts, and the truth speaks of it alone. Errors in single rows belong to faults.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from sample_city.errors.faults import Plan
from sample_city.forms.delivery import SLICE, Consignment, FilePart, consignment
from sample_city.world.basis.streams import Ints
from sample_city.world.city import City


def first_of_two(city: City, planned: Plan, sent: Consignment, since: int) -> Consignment:
    """The delivery that the department sent by mistake before ``sent``.

    Args:
        city: Whose extract it is.
        planned: The errors in its rows.
        sent: The right one.
        since: The day of the delivery before.
    """
    if sent.extract.delivery.mishap == "older_state":
        return consignment(city, planned, sent.extract, since)
    return _without_a_county(sent)


def _without_a_county(sent: Consignment) -> Consignment:
    """The export of the county with the highest code was forgotten."""
    counties = np.concatenate(
        [_counties(sent, start) for start in range(0, max(len(sent.records), 1), SLICE)]
    )
    kept = counties != counties.max(initial=0)
    records = sent.records[kept]
    return replace(sent, records=records, copies=sent.copies[kept], parts=(FilePart("", 0, len(records)),))


def _counties(sent: Consignment, start: int) -> Ints:
    """County codes of a slice of the rows."""
    mine = slice(start, start + SLICE)
    villages = sent.clean(sent.records[mine], sent.copies[mine]).get_column("village_code")
    return villages.str.head(6).cast(pl.Int32).to_numpy()
