"""The relations that a returned sheet's SQL may name, beside the schema `codes`: what is in them, and where from.

| Relation | Holds |
|---|---|
| `ticket`, `ticket_before` | the tickets after this batch, and after the last batch that was returned |
| `finding` | the findings of this batch |
| `<entity>`, `household` | the governance table of this batch; what nothing feeds is NULL, or no row |
| `change` | what changed in the governance tables since the last batch that was returned |
| `delivered_file` | the name of each delivery in force, `extract_id` and `file`: of a file in a zip both names |
| `placeholder` | what was delivered where a rule found the value missing, such as 无, as far as it is known |
| `correction_in_force` | the confirmed corrections that the sources have not caught up with |
| `catalog_dataset`, `catalog_field`, `catalog_rule` | the contracts |
| `attribute` | the attributes of each entity: `title`, `code_table`, the dataset that is its source |
| `state` | the states of a ticket with their titles |
| `code_label` | codes as people read them |

What the sheets do with them is declared in `returns/packages/sheets/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from quality.published import TICKETS, finding_partitions, findings_of, rule_rows
from quality.tickets.states import SCHEMA, STATES, TO_ANSWER
from returns.packages.changes import change_query
from returns.packages.labels import code_labels
from returns.packages.sheet_spec import SheetSpec
from returns.replies.corrections import corrections_in_force
from schemas.codes import CodeLibrary
from schemas.contract.authority import authority_digest
from schemas.contract.library import Library
from schemas.contract.model import LogicalType
from schemas.emit.sql import SQL_TYPES, literal, quote
from warehouse.collect.extracts.snapshot_diff import deliveries_of, sources_of
from warehouse.governance.derive import derived, standard_of_derived
from warehouse.governance.fuse import PLACE, standard_of
from warehouse.home.files import digest_of
from warehouse.incremental.context import BatchContext
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake
from warehouse.publish.catalogue import contract_tables
from warehouse.standard.standardise import delivered_rows, extracts_in_force

# Tickets of a required value that counts as missing, which a person is still to see.
_MISSING = "rule = 'presence' AND observed IS NULL AND state NOT IN ('closed', 'gone')"

Known = Mapping[str, frozenset[str]]
"""The existing columns of each governance table, filled or empty."""


@dataclass(frozen=True)
class ReturnContext:
    """A batch to be returned, with what it is compared with.

    Attributes:
        lake: where everything is read.
        library: the contracts.
        codes: the code tables.
        batch: the day of the turn.
        since: the last batch that was returned before it, if any.
        tickets: the tickets after the batch.
    """

    lake: Lake
    library: Library
    codes: CodeLibrary
    batch: date
    since: date | None
    tickets: Partition

    def governance(self, table: str) -> Partition | None:
        """A governance table in force on the batch's day."""
        return self.lake.as_of(Layer.GOVERNANCE, table, self.batch)

    def governance_before(self, table: str) -> Partition | None:
        """The same on the day of the last batch that was returned."""
        return self.lake.as_of(Layer.GOVERNANCE, table, self.since) if self.since else None

    @property
    def tables(self) -> list[str]:
        """The names of the governance tables."""
        return [entity.name for entity in self.library.fed_entities] + list(derived(self.library))


def turn_of(context: BatchContext) -> ReturnContext:
    """The batch, if it has come as far as tickets.

    Raises:
        LookupError: the batch has no tickets yet.
    """
    lake, batch = context.lake, context.batch
    tickets = lake.partition(*TICKETS, batch)
    if tickets is None:
        raise LookupError(f"batch {batch} has no tickets yet: they come before its packages")
    before = lake.before(*TICKETS, batch)
    return ReturnContext(
        lake, context.library, context.codes, batch, before.batch if before else None, tickets
    )


def turn_inputs(turn: ReturnContext) -> dict[str, str]:
    """Fingerprints of all that the relations hold."""
    lake, library, batch = turn.lake, turn.library, turn.batch
    standard = {contract.id: lake.as_of(Layer.STANDARD, contract.id, batch) for contract in library}
    before = lake.partition(*TICKETS, turn.since) if turn.since else None
    return {
        "tickets": turn.tickets.fingerprint,
        "tickets_before": before.fingerprint if before else "",
        "since": turn.since.isoformat() if turn.since else "",
        "findings": digest_of(
            {name: found.fingerprint for name, found in finding_partitions(lake, library, batch).items()}
        ),
        "standard": digest_of({name: table.fingerprint for name, table in standard.items() if table}),
        "governance": digest_of(
            {
                name: [found.fingerprint if found else "" for found in pair]
                for name in turn.tables
                for pair in [(turn.governance(name), turn.governance_before(name))]
            }
        ),
        "files": digest_of(_delivered_files(turn).to_dicts()),
        "contracts": digest_of({contract.id: contract.digest for contract in library}),
        "authority": authority_digest(library.authority),
        "codes": turn.codes.digest,
    }


def name_relations(
    connection: duckdb.DuckDBPyConnection, turn: ReturnContext, sheets: Iterable[SheetSpec]
) -> Known:
    """Make the relations visible to a connection.

    Args:
        connection: with the function library and the code tables.
        turn: the batch.
        sheets: whose `attributes` are to be there, fed or not.

    Returns:
        The columns that the governance tables really have.
    """
    before = turn.lake.partition(*TICKETS, turn.since) if turn.since else None
    relations: dict[str, str | pl.DataFrame] = {
        "ticket": f"FROM {turn.tickets.scan}",
        "ticket_before": f"FROM {before.scan}" if before else pl.DataFrame(schema=SCHEMA),
        "finding": findings_of(turn.lake, turn.library, turn.batch),
        "correction_in_force": corrections_in_force(turn.lake, turn.library, turn.batch),
        "delivered_file": _delivered_files(turn),
        "placeholder": _placeholders(connection, turn),
        "catalog_rule": rule_rows(turn.library, turn.codes),
        "attribute": _attributes(turn.library),
        "state": pl.DataFrame(
            [(state, titles[0], state in TO_ANSWER) for state, titles in STATES.items()],
            schema=["state", "title", "to_answer"],
            orient="row",
        ),
        "code_label": code_labels(turn.codes),
    }
    for published in contract_tables(turn.library):
        assert isinstance(published.rows, pl.DataFrame)
        relations[published.standard.id.replace(".", "_")] = published.rows
    wanted = _wanted(sheets)
    columns = {name: _columns(connection, turn, name) for name in turn.tables}
    for name in columns.keys() | wanted.keys() | {entity.name for entity in turn.library.entities}:
        relations[name] = _governance(turn, name, columns.get(name, {}), wanted.get(name, {}))
    for name, rows in relations.items():
        _name(connection, name, rows)
    _name(connection, "change", change_query(connection, turn.library, _pairs(turn), turn.since, turn.batch))
    return {name: frozenset(found) for name, found in columns.items()}


def _name(connection: duckdb.DuckDBPyConnection, name: str, rows: str | pl.DataFrame) -> None:
    if isinstance(rows, pl.DataFrame):
        connection.register("relation_rows", rows)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {quote(name)} AS FROM relation_rows")
        connection.unregister("relation_rows")
    else:
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {quote(name)} AS {rows}")


def _pairs(turn: ReturnContext) -> dict[str, tuple[Partition, Partition]]:
    """Entity → its table before and now, where there are both."""
    pairs = {
        entity.name: (turn.governance_before(entity.name), turn.governance(entity.name))
        for entity in turn.library.fed_entities
    }
    return {name: (before, now) for name, (before, now) in pairs.items() if before and now}


def _delivered_files(turn: ReturnContext) -> pl.DataFrame:
    """Every delivery in force as its receipt names it, also one that only repeats an earlier one."""
    files = {
        str(told["extract_id"]): str(told["file"])
        for contract in turn.library
        for extract in extracts_in_force(turn.lake, contract.id, turn.batch)
        for told in (*sources_of(extract), *deliveries_of(extract))
    }
    return pl.DataFrame(
        sorted(files.items()), schema={"extract_id": pl.String, "file": pl.String}, orient="row"
    )


def _placeholders(connection: duckdb.DuckDBPyConnection, turn: ReturnContext) -> pl.DataFrame:
    """`ticket_id` and `delivered`: the text that stood in the file where a required value counts as missing."""
    missing = f"SELECT * FROM {turn.tickets.scan} WHERE {_MISSING}"
    datasets = {row[0] for row in connection.execute(f"SELECT DISTINCT dataset FROM ({missing})").fetchall()}
    parts = ["SELECT CAST(NULL AS VARCHAR) AS ticket_id, CAST(NULL AS VARCHAR) AS delivered WHERE false"]
    for contract in turn.library:
        standard = turn.lake.as_of(Layer.STANDARD, contract.id, turn.batch)
        extracts = extracts_in_force(turn.lake, contract.id, turn.batch)
        fields = [column.name for column in contract.delivered_columns if column.required]
        if contract.id not in datasets or standard is None or not extracts or not fields:
            continue
        texts = " ".join(f"WHEN {literal(name)} THEN trim(extract.{quote(name)})" for name in fields)
        parts.append(
            f"SELECT ticket.ticket_id, nullif(min(CASE ticket.field {texts} END), '') "
            f"FROM ({missing}) AS ticket "
            f"JOIN {standard.scan} AS standard ON standard.record_key = ticket.record_key "
            f"JOIN {delivered_rows(contract, extracts)} AS extract "
            "ON extract._row = standard._row AND extract._extract_id = standard._extract_id "
            f"WHERE ticket.dataset = {literal(contract.id)} GROUP BY ticket.ticket_id"
        )
    return connection.execute(" UNION ALL ".join(parts)).pl()


def _wanted(sheets: Iterable[SheetSpec]) -> dict[str, dict[str, LogicalType]]:
    """Governance table → the attributes that the sheets name, with their types."""
    wanted: dict[str, dict[str, LogicalType]] = {}
    for sheet in sheets:
        for attribute, kind in sheet.attributes.items():
            table, _, name = attribute.partition(".")
            wanted.setdefault(table, {})[name] = kind
    return wanted


def _columns(connection: duckdb.DuckDBPyConnection, turn: ReturnContext, name: str) -> dict[str, str]:
    """Column → SQL type of a governance table; as its standard says where nothing was delivered yet."""
    partition = turn.governance(name)
    if partition is not None:
        described = connection.execute(f"DESCRIBE FROM {partition.scan}").fetchall()
        return {row[0]: row[1] for row in described}
    entity = next((entity for entity in turn.library.fed_entities if entity.name == name), None)
    standard = (
        standard_of(turn.library, entity) if entity else standard_of_derived(derived(turn.library)[name])
    )
    return {field.name: SQL_TYPES[field.type] for field in standard.fields}


def _governance(
    turn: ReturnContext, name: str, columns: Mapping[str, str], wanted: Mapping[str, LogicalType]
) -> str:
    """A governance table with the attributes that sheets name though nothing feeds them, as NULL."""
    lacking = {attribute: SQL_TYPES[kind] for attribute, kind in wanted.items()}
    lacking |= dict.fromkeys((*PLACE, "village_code"), "VARCHAR")
    added = [
        f"CAST(NULL AS {kind}) AS {quote(attribute)}"
        for attribute, kind in lacking.items()
        if attribute not in columns
    ]
    partition = turn.governance(name)
    if partition is not None:
        return f"SELECT {', '.join(['*', *added])} FROM {partition.scan}"
    empty = [f"CAST(NULL AS {kind}) AS {quote(column)}" for column, kind in columns.items()]
    return f"SELECT {', '.join([*empty, *added])} WHERE false"


def _attributes(library: Library) -> pl.DataFrame:
    """Every attribute of every entity as its first source calls it."""
    return pl.DataFrame(
        [
            (entity.name, entity.title, attribute, sources[0].column.title, sources[0].column.codes)
            for entity in library.fed_entities
            for attribute, sources in library.sources(entity.name).items()
        ],
        schema=dict.fromkeys(("entity", "entity_title", "attribute", "title", "code_table"), pl.String),
        orient="row",
    )
