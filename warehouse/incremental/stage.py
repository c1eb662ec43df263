"""A stage declares a table: its inputs, its program, the SQL of all rows, and the SQL of the rows of some keys.

`warehouse.incremental.machine` runs a stage.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from schemas.emit.sql import quote
from warehouse.incremental.context import BatchContext
from warehouse.incremental.inputs import Inputs, Predecessor
from warehouse.incremental.scratch import Scratch
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Changes, Partition


@dataclass(frozen=True)
class Work:
    """The working state while rows are made.

    Attributes:
        context: the batch.
        scratch: for temporary tables.
        before: the table as the batch before made it, if there is one.
        affected: a relation whose column `key` holds the affected keys, each once; None for all keys.
        held: a relation of the earlier rows of the affected keys; without `affected`, of all keys.
    """

    context: BatchContext
    scratch: Scratch
    before: Partition | None
    affected: str | None = None
    held: str | None = None

    @property
    def of_affected(self) -> str:
        """A query of the affected keys."""
        assert self.affected is not None, "only some rows are wanted"
        return f"SELECT key FROM {self.affected}"


class Stage(ABC):
    """One table of the lake for one batch.

    A table is patched (each row has an identity, and a batch writes the rows that changed) or carried over (each
    batch writes all rows, and copies the rows of keys that are not affected).

    Attributes:
        layer: the layer of the table.
        patched: whether the table is patched.
        spares_few: whether the affected keys are computed even if few rows are read: a large table may depend on the
            changes of this small table.
    """

    layer: ClassVar[Layer]
    patched: ClassVar[bool]
    spares_few: ClassVar[bool] = False

    @property
    @abstractmethod
    def table(self) -> str:
        """The name of the table."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """The column that identifies a row of a patched table, or that holds the keys of a table carried over."""

    @property
    def order(self) -> str:
        """The SQL sort order of the rows; it is unique."""
        return quote(self.identity)

    @property
    @abstractmethod
    def inputs(self) -> Inputs:
        """All inputs of the table."""

    @abstractmethod
    def rows(self, work: Work) -> str:
        """SQL of the rows of all keys, or of the affected keys."""

    def affected(self, before: Predecessor, scratch: Scratch) -> str | None:
        """SQL of the keys whose rows may differ from before, in a column that is named as `identity`.

        Returns:
            None when any row may differ.
        """
        del before, scratch
        return None

    def carried(self, work: Work) -> str:
        """SQL of the rows that stay as they are, in the columns of the table; for tables that are carried over."""
        assert work.before is not None
        return f"SELECT * FROM {work.before.scan} WHERE {quote(self.identity)} NOT IN ({work.of_affected})"

    @property
    def rows_read(self) -> int:
        """The number of rows that are read to make all rows."""
        return self.inputs.rows

    def size(self, before: Partition) -> int:
        """The number of rows that the affected keys are compared with, as a share."""
        return before.rows

    def facts(self, before: Partition | None) -> Mapping[str, object]:
        """Plain facts that the partition keeps."""
        del before
        return {}

    @property
    def measures(self) -> Mapping[str, str]:
        """Name → SQL aggregate over the rows; the values become facts."""
        return {}

    def prepare(self, context: BatchContext) -> None:  # noqa: B027  # most stages have nothing to prepare
        """Prepare the table before the check whether it is up to date."""

    def finish(self, work: Work, written: Partition, changes: Changes | None) -> None:  # noqa: B027  # nor to finish
        """Write further results of the new partition; `changes` are its changes, if they are known."""
