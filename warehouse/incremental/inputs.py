"""What a table follows from, and what of that is different from when the table was made before.

A partition keeps the fingerprints of its inputs under names of three kinds: `program:` for what turns rows into rows,
`table:` for the tables that are read, `value:` for the rest. Example: `table:standard/health.death`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from warehouse.lake.partition import Changes, Partition
from warehouse.lake.store import Lake

PROGRAM, TABLE, VALUE = "program:", "table:", "value:"


@dataclass(frozen=True)
class Inputs:
    """The inputs of one table.

    Attributes:
        program: name → fingerprint. Where one differs, every row has to be made anew.
        tables: the tables that are read. Where one differs, the rows that follow from its changes are affected.
        values: name → fingerprint. Where one differs, the stage knows which rows are affected.
    """

    program: Mapping[str, str]
    tables: Sequence[Partition] = ()
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprints(self) -> dict[str, str]:
        """Every input by its name, as a partition keeps it."""
        return {
            **{f"{PROGRAM}{name}": value for name, value in self.program.items()},
            **{table_input(table): table.fingerprint for table in self.tables},
            **{value_input(name): value for name, value in self.values.items()},
        }

    @property
    def rows(self) -> int:
        """The rows of all tables that are read."""
        return sum(table.rows for table in self.tables)

    def have_program_of(self, before: Partition) -> bool:
        """Whether a table was made by the same program from tables of the same names."""
        mine = self.fingerprints
        return _of_kind(before.inputs, PROGRAM) == _of_kind(mine, PROGRAM) and (
            _of_kind(before.inputs, TABLE).keys() == _of_kind(mine, TABLE).keys()
        )


def table_input(table: Partition) -> str:
    """The name under which a partition keeps a table that it was made from."""
    return f"{TABLE}{table.layer}/{table.table}"


def value_input(name: str) -> str:
    """The name under which a partition keeps an input that is neither program nor table."""
    return f"{VALUE}{name}"


def program_input(name: str) -> str:
    """The name under which a partition keeps a part of its program."""
    return f"{PROGRAM}{name}"


@dataclass(frozen=True)
class Predecessor:
    """A table as an earlier batch made it, to be compared with what it would be made from now."""

    lake: Lake
    partition: Partition

    def then(self, table: Partition) -> Partition | None:
        """A table that is read now, as it was when the predecessor was made; None if that is gone."""
        fingerprint = self.partition.inputs.get(table_input(table))
        return self.lake.with_fingerprint(table.layer, table.table, self.partition.batch, fingerprint)

    def changes(self, table: Partition) -> Changes | None:
        """The rows of a table that have changed since the predecessor was made; None if any row may have."""
        then = self.then(table)
        return table.changes(then) if then is not None else None

    def value(self, name: str) -> str | None:
        """An input that is neither program nor table."""
        return self.partition.inputs.get(value_input(name))


def _of_kind(inputs: Mapping[str, str], kind: str) -> dict[str, str]:
    return {name: value for name, value in inputs.items() if name.startswith(kind)}
