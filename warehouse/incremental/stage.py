"""What a stage says of a table: what it reads, its program, how all rows are made, and how those of some keys are.

How a stage is carried out is `warehouse.incremental.machine`.
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
    """What is at hand while rows are made.

    Attributes:
        context: the batch.
        scratch: for temporary tables.
        before: the table as the batch before made it, if there is one.
        affected: a relation whose column `key` holds, each once, the only keys whose rows are wanted; None for all.
        held: the rows of those keys as they were before, as a relation; of all keys where all are wanted.
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

    A table is either patched (each row has an identity, and a batch writes the rows that changed) or carried over (each
    batch writes all rows, and copies those of keys that are not affected).

    Attributes:
        layer: the layer of the table.
        patched: whether the table is patched.
        spares_few: whether few rows are spared too: for a large table that follows from this small one.
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
        """The column that identifies a row of a patched table, or by which rows of another are affected."""

    @property
    def order(self) -> str:
        """SQL that puts the rows into one order."""
        return quote(self.identity)

    @property
    @abstractmethod
    def inputs(self) -> Inputs:
        """All that the table follows from."""

    @abstractmethod
    def rows(self, work: Work) -> str:
        """SQL of the rows: of all keys, or of the affected ones."""

    def affected(self, before: Predecessor, scratch: Scratch) -> str | None:
        """SQL of the keys whose rows may differ from before, in a column of the name of `identity`.

        Returns:
            None when any row may differ.
        """
        del before, scratch
        return None

    def carried(self, work: Work) -> str:
        """SQL of the rows of a table that is carried over which stay as they are, in the columns of the table."""
        assert work.before is not None
        return f"SELECT * FROM {work.before.scan} WHERE {quote(self.identity)} NOT IN ({work.of_affected})"

    @property
    def rows_read(self) -> int:
        """The rows that are read to make all rows."""
        return self.inputs.rows

    def size(self, before: Partition) -> int:
        """The rows of which the affected ones may be a share."""
        return before.rows

    def facts(self, before: Partition | None) -> Mapping[str, object]:
        """Plain facts that the partition keeps."""
        del before
        return {}

    @property
    def measures(self) -> Mapping[str, str]:
        """Name → SQL aggregate over the rows, for facts that are counted."""
        return {}

    def prepare(self, context: BatchContext) -> None:  # noqa: B027  # most stages have nothing to prepare
        """Do what must be done before anybody asks whether the table is up to date."""

    def finish(self, work: Work, written: Partition, changes: Changes | None) -> None:  # noqa: B027  # nor to finish
        """Do what follows from the new partition; `changes` are relations of its changes, where they are at hand."""
