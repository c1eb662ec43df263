"""The inputs of a table, and the inputs that changed since the table was last made.

A partition keeps the fingerprints of its inputs under names of three kinds: `program:` for the SQL and functions,
`table:` for the tables that are read, `value:` for all other inputs. Example: `table:standard/health.death`.
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
        program: name → fingerprint. If an entry differs, every row is made again.
        tables: the tables that are read. If a table differs, the rows that depend on its changes are affected.
        values: name → fingerprint. If an entry differs, the stage knows which rows are affected.
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
        """Whether the earlier partition was made by the same program from tables of the same names."""
        mine = self.fingerprints
        return _of_kind(before.inputs, PROGRAM) == _of_kind(mine, PROGRAM) and (
            _of_kind(before.inputs, TABLE).keys() == _of_kind(mine, TABLE).keys()
        )


def table_input(table: Partition) -> str:
    """The name of a table among a partition's inputs."""
    return f"{TABLE}{table.layer}/{table.table}"


def value_input(name: str) -> str:
    """The name of an input that is neither program nor table."""
    return f"{VALUE}{name}"


def program_input(name: str) -> str:
    """The name of a part of the program among a partition's inputs."""
    return f"{PROGRAM}{name}"


@dataclass(frozen=True)
class Predecessor:
    """A table as an earlier batch made it, for comparing its inputs with the present inputs."""

    lake: Lake
    partition: Partition

    def then(self, table: Partition) -> Partition | None:
        """The version of a table that the predecessor was made from; None if the version no longer exists."""
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
