"""The layers of the lake, and the names under which a partition keeps what it was made from."""

from __future__ import annotations

from enum import StrEnum


class Layer(StrEnum):
    """A layer of the lake: the tables that one stage writes."""

    EXTRACT = "extract"
    """The rows of delivered files as text."""
    PLACE = "place"
    """Where the rows of an extract stand in the newest file."""
    STANDARD = "standard"
    """Typed, normalised and coded rows, with confirmed corrections."""
    FINDING = "finding"
    """What rules and the comparison of sources found."""
    TICKET = "ticket"
    """The life of every finding across batches."""
    GOVERNANCE = "governance"
    """One row for each entity."""
    HISTORY = "history"
    """The versions of governance rows that have ended."""


class Input(StrEnum):
    """What a table follows from, beside the tables that it reads."""

    BATCH = "batch"
    """The day of the batch, where the table differs from day to day."""
    BEFORE = "before"
    """The snapshot in force before."""
    CODES = "codes"
    CONTRACT = "contract"
    """A contract; of several each by its dataset."""
    CORRECTIONS = "corrections"
    DELIVERY = "delivery"
    """A delivered file, by its extract id."""
    EXTRACT_FILE = "extract_file"
    """A file of an extract in force, by the batch that wrote it."""
    FUNCTIONS = "functions"
    """The function library of the engine."""
    NEWEST = "newest"
    """The newest extract before, where deltas are laid over it."""
    NOW = "now"
    PREVIOUS = "previous"
    """The tickets of the batch before."""
    QUERY = "query"
    """The SQL that makes the rows."""
    REPLIES = "replies"
    ROWS_IN_FORCE = "rows_in_force"

    def of(self, name: str) -> str:
        """The name of one of several inputs of this kind."""
        return f"{self.value}/{name}"
