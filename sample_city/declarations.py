"""What a department declares: how it delivers an extract and what stands in it.

The vocabulary of ``departments``; no city, no values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

import polars as pl

from sample_city.world.basis.streams import Ints
from sample_city.world.city import City

Form = Literal["csv", "xlsx", "xls", "dbf", "sqlite", "zip"]
Mishap = Literal["county_missing", "older_state"]
"""What is wrong with a file that its department replaces the same day: the rows of a county are missing, or it is
the file of the delivery before."""
CHANGE: Final = "change"
"""Column of an extract that sends changes: what became of the record since the delivery before."""
SUFFIXES: Final[Mapping[Form, str]] = {
    "csv": "csv", "xlsx": "xlsx", "xls": "xls", "dbf": "dbf", "sqlite": "db", "zip": "zip",
}  # fmt: skip


@dataclass(frozen=True)
class CityDelivery:
    """One extract as its department sends it.

    The headers are written down anew rather than taken from the contracts, for a real department
    would not read ours either: they are the ones it has always used.

    Attributes:
        dataset: ``<department>.<dataset>``.
        stem: File name before the batch date.
        changes: File name before the batch date of what is new, different or gone since the delivery before;
            empty where every delivery is whole. Its extract has the column ``change``, empty in a whole delivery.
        mishap: What goes wrong with the first of two files of a later batch, if anything does.
        form: Kind of file; a zip holds one CSV for each part of the extract.
        encoding: Of a CSV, also of those in a zip.
        key: Column that identifies a row.
        headers: Header of every column, in order.
        above: Lines above the header of a sheet; ``{date}`` is the batch date.
        below: Lines below its table.
        numbers: Columns that a sheet holds as numbers.
        coded: Code table of the data standard for each coded column.
        spellings: Of each date column the parts of every spelling of ``forms``, in their order.
        table: Of a database.
        groups: Headings over the headings of a sheet, each with the number of columns it spans; an empty
            one leaves its column a single heading two rows high. None at all is the usual sheet.
        widths: Bytes of every field of a dBase table.
    """

    dataset: str
    stem: str
    form: Form
    key: str
    headers: dict[str, str]
    coded: dict[str, str]
    encoding: str = "utf-8"
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    numbers: frozenset[str] = frozenset()
    spellings: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    table: str = ""
    groups: tuple[tuple[str, int], ...] = ()
    widths: Mapping[str, int] = field(default_factory=dict)
    changes: str = ""
    mishap: Mishap | None = None

    def file_name(self, batch: date, *, changes: bool = False, again: bool = False) -> str:
        """Such as 户籍人口_20260302.csv; of changes 就业登记变更_20260303.csv, of a file sent again …_更正.csv."""
        stem = self.changes if changes else self.stem
        return f"{stem}_{batch:%Y%m%d}{'_更正' if again else ''}.{SUFFIXES[self.form]}"

    @property
    def first_row(self) -> int:
        """Number of the first data row as a person sees it, in every part anew."""
        return 1 if self.form in ("sqlite", "dbf") else len(self.above) + 2 + bool(self.groups)


@dataclass(frozen=True)
class Extract:
    """One extract over time.

    Attributes:
        delivery: How its department sends it.
        records: Numbers of the records that stand in it on a day, ascending.
        rows: The rows of these records as of that day, columns as in ``delivery.headers`` but for ``change``.
            Dates are ISO, coded values are labels, identifiers upper-case: clean, not yet as delivered.
        people: Positions of the people each record speaks of, one array per role.
        begins: Day from which each record may be delivered at all; None where the records say so.
        again: How rows look that the department entered a second time, same columns; None where it
            would be the same row.
        parts: The sheet, or the file in a zip, that each of these records stands in; None for a single one.
    """

    delivery: CityDelivery
    records: Callable[[City, int], Ints]
    rows: Callable[[City, Ints, int], pl.DataFrame]
    people: Callable[[City], tuple[Ints, ...]]
    begins: Callable[[City], Ints] | None = None
    again: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    parts: Callable[[City, Ints], pl.Series] | None = None
