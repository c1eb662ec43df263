"""The figures of a batch for the bureau's summary: deliveries, findings, tickets, places, the last batches.

Only counts: nothing of any person. The queries are in `returns/summary/pages/*.sql` over the relations of
`returns.packages.sheet_views`; how the figures are shown is `returns.summary.page`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from quality.published import TICKETS, finding_partitions, findings_of
from quality.rules.routing import no_findings
from quality.tickets.states import STATES, State
from returns.packages.sheet_views import ReturnContext, name_relations, turn_inputs
from schemas.contract.model import Contract
from warehouse.collect.intake.reception import REFUSAL, Receipt, hold_of, receipts
from warehouse.engine.functions import library_digest
from warehouse.home.files import digest_of
from warehouse.home.folders import Home
from warehouse.lake.layers import Layer
from warehouse.standard.standardise import deltas_of

PAGES = Path(__file__).parent / "pages"
TREND = 10
"""How many batches the trend goes back."""

Row = Mapping[str, object]


@dataclass(frozen=True)
class DeliveryLine:
    """What is in force of one dataset, and what came of it in this batch.

    `batch` is of the extract in force, `is_current` whether that is the batch that is returned, `days_late` beyond
    what its frequency and latency allow, `change` the rows more or fewer than in the extract before; None where one
    of the two is a delta. `held` says (in Chinese) what the deliveries look like that are held as a whole.
    """

    dataset: str
    department: str
    title: str
    batch: date | None
    is_current: bool
    file: str
    rows: int | None
    change: int | None
    set_aside: int
    refused: tuple[str, ...]
    days_late: int
    held: tuple[str, ...] = ()


@dataclass(frozen=True)
class Past:
    """One batch of the trend: findings, and tickets by state."""

    batch: date
    findings: int
    states: Mapping[str, int]

    def tickets(self, *states: State) -> int:
        """Tickets in any of these states."""
        return sum(self.states.get(state, 0) for state in states)


@dataclass(frozen=True)
class Figures:
    """Everything the summary shows of a batch; rows are those of the queries of the same names."""

    batch: date
    since: date | None
    entities: Sequence[tuple[str, int]]
    deliveries: Sequence[DeliveryLine]
    unplaced: int
    verified: int
    findings: int
    findings_before: int | None
    flow: Mapping[str, int]
    dimensions: Sequence[Row]
    departments: Sequence[Row]
    counties: Sequence[Row]
    townships: Sequence[Row]
    rules: Sequence[Row]
    states: Sequence[Row]
    trend: Sequence[Past]


@dataclass(frozen=True)
class Deliveries:
    """What came of each dataset, and how many files of the batch belong to none."""

    by_dataset: Sequence[DeliveryLine]
    unplaced: int


def deliveries_of(home: Home, turn: ReturnContext) -> Deliveries:
    """What was delivered until a batch, from the receipts of a home and the extracts in force."""
    placed = receipts(home.aside, turn.batch)
    return Deliveries(
        [_delivered(home, turn, contract, placed) for contract in turn.library],
        sum(receipt.dataset is None for receipt in placed),
    )


def figures_inputs(turn: ReturnContext, deliveries: Deliveries) -> dict[str, str]:
    """Fingerprints of all that the figures follow from."""
    past = {
        day.isoformat(): [tickets.fingerprint if tickets else "", _found_on(turn, day)]
        for day in _days(turn)
        for tickets in [turn.lake.partition(*TICKETS, day)]
    }
    return {
        **turn_inputs(turn),
        "functions": library_digest(),
        "deliveries": digest_of(asdict(deliveries)),
        "past": digest_of(past),
    }


def figures_of(connection: duckdb.DuckDBPyConnection, turn: ReturnContext, deliveries: Deliveries) -> Figures:
    """The figures of a batch.

    Args:
        connection: with the function library and the code tables.
        turn: the batch.
        deliveries: those until the batch.
    """
    name_relations(connection, turn, ())
    before = findings_of(turn.lake, turn.library, turn.since) if turn.since else no_findings()
    connection.execute(f"CREATE OR REPLACE TEMP VIEW finding_before AS {before}")
    connection.register("tile_rows", tiles())
    connection.execute("CREATE OR REPLACE TEMP TABLE tile AS FROM tile_rows")
    connection.unregister("tile_rows")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE lived AS {_sql('lived')}")
    trend = [_past(connection, turn, day) for day in _days(turn)]
    verified = (turn.lake.as_of(Layer.STANDARD, contract.id, turn.batch) for contract in turn.library)
    return Figures(
        batch=turn.batch,
        since=turn.since,
        entities=_entities(turn),
        deliveries=deliveries.by_dataset,
        unplaced=deliveries.unplaced,
        verified=sum(partition.rows for partition in verified if partition),
        findings=trend[-1].findings,
        findings_before=trend[-2].findings if len(trend) > 1 else None,
        flow=_rows(connection, "flow")[0],  # type: ignore[arg-type]  # the query counts
        dimensions=_rows(connection, "dimensions"),
        departments=_rows(connection, "departments"),
        counties=_rows(connection, "counties"),
        townships=_rows(connection, "townships"),
        rules=_rows(connection, "rules"),
        states=_rows(connection, "states"),
        trend=trend,
    )


def tiles() -> pl.DataFrame:
    """Where each county stands on the grid: columns `code`, `label`, `row`, `column`."""
    return pl.read_csv(PAGES / "tiles.csv", schema_overrides={"code": pl.String})


def _sql(name: str) -> str:
    return (PAGES / f"{name}.sql").read_text(encoding="utf-8")


def _rows(connection: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, object]]:
    """The rows of one query, each a place or a rule: a few hundred at most."""
    return connection.execute(_sql(name)).pl().to_dicts()


def _entities(turn: ReturnContext) -> list[tuple[str, int]]:
    """What each entity's files are called, such as 人员（一人一档）, and how many there are."""
    found = [
        (f"{entity.title}（{entity.description.partition('，')[0]}）", turn.governance(entity.name))
        for entity in turn.library.fed_entities
    ]
    return [(title, partition.rows) for title, partition in found if partition]


def _delivered(home: Home, turn: ReturnContext, contract: Contract, aside: Sequence[Receipt]) -> DeliveryLine:
    lake, batch = turn.lake, turn.batch
    now = lake.as_of(Layer.EXTRACT, contract.id, batch)
    before = lake.before(Layer.EXTRACT, contract.id, now.batch) if now else None
    own = [receipt for receipt in receipts(home.inbox, batch) if receipt.dataset == contract.id]
    unreadable = [receipt.file for receipt in own if (receipt.path.parent / REFUSAL).exists()]
    held = [str(hold["problem"]) for receipt in own if (hold := hold_of(receipt)) is not None]
    refused = [receipt.file for receipt in aside if receipt.dataset == contract.id]
    # A delta holds changed rows only: its number of rows says nothing beside a snapshot's.
    comparable = not any(deltas_of(extract) for extract in (now, before) if extract)
    late = 0
    if contract.frequency_days is not None and now is not None:
        late = max(0, (batch - now.batch).days - contract.frequency_days - (contract.latency_days or 0))
    return DeliveryLine(
        dataset=contract.id,
        department=contract.department_title,
        title=contract.title,
        batch=now.batch if now else None,
        is_current=now is not None and now.batch == batch,
        file=str(now.facts["file"]) if now else "",
        rows=now.rows if now else None,
        change=now.rows - before.rows if comparable and now and before else None,
        set_aside=int(str(now.facts["set_aside"])) if now else 0,
        refused=(*unreadable, *refused),
        days_late=late,
        held=tuple(held),
    )


def _days(turn: ReturnContext) -> list[date]:
    return [day for day in turn.lake.batches(*TICKETS) if day <= turn.batch][-TREND:]


def _past(connection: duckdb.DuckDBPyConnection, turn: ReturnContext, day: date) -> Past:
    tickets = turn.lake.partition(*TICKETS, day)
    assert tickets is not None, "only batches that have tickets are asked for"
    counted = connection.execute(f"SELECT state, count(*) FROM {tickets.scan} GROUP BY state").fetchall()
    assert {state for state, _ in counted} <= STATES.keys()
    return Past(day, _found_on(turn, day), dict(counted))


def _found_on(turn: ReturnContext, day: date) -> int:
    found = finding_partitions(turn.lake, turn.library, day).values()
    return sum(partition.rows for partition in found)
