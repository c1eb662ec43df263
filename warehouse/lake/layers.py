"""The layers of the lake, and the names under which a partition keeps its inputs."""

from __future__ import annotations

from enum import StrEnum


class Layer(StrEnum):
    """A layer of the lake: the tables that one stage writes."""

    EXTRACT = "extract"
    """The rows of delivered files as text."""
    PLACE = "place"
    """The row numbers that the rows of an extract have in the newest file."""
    STANDARD = "standard"
    """Typed, normalised and coded rows, with confirmed corrections."""
    FINDING = "finding"
    """The findings of rules and of the comparison of sources."""
    TICKET = "ticket"
    """The life of every finding across batches."""
    GOVERNANCE = "governance"
    """One row for each entity."""
    HISTORY = "history"
    """The versions of governance rows that have ended."""


class Input(StrEnum):
    """An input of a table, other than the tables that it reads."""

    BATCH = "batch"
    """The day of the batch, if the table depends on the day."""
    BEFORE = "before"
    """The snapshot that was in force before this one."""
    CODES = "codes"
    CONTRACT = "contract"
    """A contract. If there are several, each is named by its dataset."""
    CORRECTIONS = "corrections"
    DELIVERY = "delivery"
    """A delivered file, by its extract id."""
    EXTRACT_FILE = "extract_file"
    """A file of an extract in force, named by the batch that wrote it."""
    FUNCTIONS = "functions"
    """The function library of the engine."""
    NEWEST = "newest"
    """The extract before, if deltas are laid over it."""
    NOW = "now"
    PREVIOUS = "previous"
    """The tickets of the batch before."""
    QUERY = "query"
    """The SQL that makes the rows."""
    REPLIES = "replies"
    ROWS_IN_FORCE = "rows_in_force"

    def of(self, name: str) -> str:
        """The name of one input, if there are several of this kind."""
        return f"{self.value}/{name}"
