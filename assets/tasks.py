"""The loop as tasks: the output, predecessors and function of each step. Only this module orders the stages.

Dagster's assets are made from the tasks (`pipelines.definitions`), and `run_tasks` walks through them without Dagster.
Nothing is decided here: the work is done by plain functions on lower floors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.checks import warnings_of
from assets.platform import Platform
from quality.acceptance.generated import generated_checks
from quality.acceptance.suite import read_suite
from quality.agreement.agree import agree, compared, table_name
from quality.findings.flagged import Flagged, settle_deliveries
from quality.findings.verify import verify
from quality.published import quality_tables
from quality.rules.rule import checks
from quality.tickets.ticket_tables import update_tickets
from returns.packages.build import Package, build_packages
from returns.packages.sheet_views import turn_of
from returns.replies.corrections import corrections, ticket_replies
from returns.summary.page import build_summary
from schemas.contract.derived import DerivedTable
from schemas.contract.model import Contract, Entity
from warehouse.collect.extracts.extract import Extraction, extract
from warehouse.governance.derive import derive, derived
from warehouse.governance.fuse import fuse
from warehouse.incremental.context import BatchContext
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Partition
from warehouse.publish.candidate import Published, build
from warehouse.publish.catalogue import contract_tables, extract_table, governance_tables, ledger_table
from warehouse.publish.standard_database import make_standard
from warehouse.publish.switch import candidate_of, record_verdict, switch
from warehouse.standard.standardise import standardise

if TYPE_CHECKING:
    from quality.acceptance.gate import Verdict

Key = tuple[str, ...]


class Stage(StrEnum):
    """The first part of a task's key."""

    EXTRACT = "extract"
    STANDARD = "standard"
    FINDING = "finding"
    AGREEMENT = "agreement"
    SETTLED = "settled_deliveries"
    TICKET = "ticket"
    GOVERNANCE = "governance"
    PUBLICATION = "publication"
    RETURNS = "returns"
    QUERIES = "queries"


SETTLED: Key = (Stage.SETTLED.value,)
TICKETS: Key = (Stage.TICKET.value,)
CANDIDATE: Key = (Stage.PUBLICATION.value, "candidate")
ACCEPTANCE: Key = (Stage.PUBLICATION.value, "acceptance")
WAREHOUSE: Key = (Stage.PUBLICATION.value, "warehouse")
PACKAGES: Key = (Stage.RETURNS.value, "packages")
SUMMARY: Key = (Stage.RETURNS.value, "summary")
STANDARD_DATABASE: Key = (Stage.QUERIES.value, "standard")


@dataclass(frozen=True)
class Task:
    """One step of the loop.

    Attributes:
        key: what it makes.
        after: what is made before it.
        run: makes it, for the batch that is open; what it gives is what its function on a lower floor gives.
        contract: the dataset that it is about, if it is about one.
        entity: the entity that it is about, if it is about one.
    """

    key: Key
    after: tuple[Key, ...]
    run: Callable[[Platform, BatchContext], Any]
    contract: Contract | None = None
    entity: Entity | None = None

    @property
    def stage(self) -> Stage:
        """The stage that it belongs to."""
        return Stage(self.key[0])


def key_of(stage: str, dataset: str) -> Key:
    """The key of a dataset's task: stage, department, dataset."""
    return (str(stage), *dataset.split(".", 1))


def tasks_of(platform: Platform) -> tuple[Task, ...]:
    """Every task of a batch run, each after its predecessors."""
    library = platform.library
    entities = [entity for entity in library.fed_entities if compared(library, entity)]
    governed = [entity.name for entity in library.fed_entities] + list(derived(library))
    found = (
        *(key_of(Stage.FINDING, contract.id) for contract in library),
        *((Stage.AGREEMENT.value, entity.name) for entity in entities),
    )
    published = (TICKETS, *((Stage.GOVERNANCE.value, name) for name in governed))
    return (
        *(_of_dataset(Stage.EXTRACT, contract, (), _extract) for contract in library),
        *(
            _of_dataset(Stage.STANDARD, contract, (key_of(Stage.EXTRACT, contract.id),), _standardise)
            for contract in library
        ),
        *(
            _of_dataset(Stage.FINDING, contract, _read_by_rules(platform, contract), _verify)
            for contract in library
        ),
        *(_agreement(platform, entity) for entity in entities),
        Task(SETTLED, found, _settle),
        Task(TICKETS, (SETTLED, *found), _tickets),
        *(_governance(platform, entity) for entity in library.fed_entities),
        *(
            Task(
                (Stage.GOVERNANCE.value, name),
                tuple((Stage.GOVERNANCE.value, source) for source in declared.inputs),
                partial(_derive, declared=declared),
            )
            for name, declared in derived(library).items()
        ),
        Task(CANDIDATE, published, _candidate),
        Task(ACCEPTANCE, (CANDIDATE,), _accept),
        Task(WAREHOUSE, (CANDIDATE, ACCEPTANCE), _switch),
        # A batch that the gate did not accept is not returned to anybody.
        Task(PACKAGES, (*published, WAREHOUSE), _packages),
        Task(SUMMARY, (PACKAGES,), _summary),
        Task(
            STANDARD_DATABASE,
            (SUMMARY, *(key_of(Stage.STANDARD, contract.id) for contract in library)),
            _standard_database,
        ),
    )


def run_tasks(
    platform: Platform,
    opened: BatchContext,
    *,
    only: Collection[Stage] = tuple(Stage),
    instead: Mapping[Key, Callable[[Platform, BatchContext], Any]] | None = None,
) -> dict[Key, Any]:
    """Run the tasks of a turn one after the other, in this thread and without Dagster.

    Args:
        platform: the installation.
        opened: the batch.
        only: the stages that are run; what the others would make is left as it is.
        instead: what is run in the place of a task, such as a gate that lets everything through.

    Returns:
        What each task gave.
    """
    replaced = instead or {}
    return {
        task.key: replaced.get(task.key, task.run)(platform, opened)
        for task in tasks_of(platform)
        if task.stage in only
    }


def _of_dataset(stage: Stage, contract: Contract, after: tuple[Key, ...], run: Callable[..., Any]) -> Task:
    return Task(key_of(stage, contract.id), after, partial(run, contract=contract), contract=contract)


def _read_by_rules(platform: Platform, contract: Contract) -> tuple[Key, ...]:
    """The standard tables that a dataset's rules read."""
    read = {contract.id} | {route.dataset for route in contract.routes if route.dataset}
    for check in checks(contract, platform.library, platform.codes):
        read |= set(check.datasets)
    return tuple(key_of(Stage.STANDARD, dataset) for dataset in sorted(read))


def _agreement(platform: Platform, entity: Entity) -> Task:
    sources = compared(platform.library, entity).values()
    datasets = sorted({source.contract.id for every in sources for source in every})
    after = tuple(key_of(stage, d) for d in datasets for stage in (Stage.STANDARD, Stage.FINDING))
    key = (Stage.AGREEMENT.value, entity.name)
    return Task(key, after, partial(_agree, entity=entity), entity=entity)


def _governance(platform: Platform, entity: Entity) -> Task:
    library = platform.library
    sources = library.sources(entity.name).values()
    datasets = sorted({source.contract.id for every in sources for source in every})
    after = [key_of(stage, d) for d in datasets for stage in (Stage.STANDARD, Stage.FINDING)]
    after.append(SETTLED)
    if compared(library, entity):
        after.append((Stage.AGREEMENT.value, entity.name))
    run = partial(_fuse, entity=entity, datasets=datasets)
    return Task((Stage.GOVERNANCE.value, entity.name), tuple(after), run, entity=entity)


def _extract(platform: Platform, opened: BatchContext, contract: Contract) -> Extraction:
    return extract(opened, platform.home, contract)


def _standardise(platform: Platform, opened: BatchContext, contract: Contract) -> Partition | None:
    with platform.open_ledger() as ledger:
        confirmed = corrections(ledger.replies(opened.batch.isoformat()))
    return standardise(opened, contract, confirmed)


def _verify(platform: Platform, opened: BatchContext, contract: Contract) -> Partition | None:
    return verify(opened, contract)


def _agree(platform: Platform, opened: BatchContext, entity: Entity) -> Partition | None:
    return agree(opened, entity)


def _settle(platform: Platform, opened: BatchContext) -> tuple[Flagged, ...]:
    with platform.open_ledger() as ledger:
        confirmed = corrections(ledger.replies(opened.batch.isoformat()))
    return settle_deliveries(opened, platform.home, confirmed)


def _tickets(platform: Platform, opened: BatchContext) -> Partition:
    with platform.open_ledger() as ledger:
        replies = ticket_replies(ledger.replies(opened.batch.isoformat()))
    return update_tickets(opened, replies)


def _fuse(
    platform: Platform, opened: BatchContext, entity: Entity, datasets: Collection[str]
) -> Partition | None:
    lake, batch = opened.lake, opened.batch
    agreement = lake.as_of(Layer.FINDING, table_name(entity), batch)
    faults = {
        dataset: [
            found for found in (lake.as_of(Layer.FINDING, dataset, batch), agreement) if found is not None
        ]
        for dataset in datasets
    }
    return fuse(opened, entity, faults)


def _derive(platform: Platform, opened: BatchContext, declared: DerivedTable) -> Partition | None:
    return derive(opened, declared.name)


def _candidate(platform: Platform, opened: BatchContext) -> tuple[Path | None, list[Published]]:
    with platform.open_ledger() as ledger:
        head = ledger.head(opened.batch.isoformat())
    tables = [
        *governance_tables(opened),
        *quality_tables(opened, platform.published_batches),
        *contract_tables(platform.library),
        extract_table(opened),
        ledger_table(opened.batch, head.number, head.hash),
    ]
    return build(opened, platform.home, tables, platform.keys), tables


def _accept(platform: Platform, opened: BatchContext) -> Verdict | None:
    home = platform.home
    if not candidate_of(home).exists():
        return None
    # Great Expectations takes seconds to import; `acceptance_imports` has it imported for a new candidate only.
    from quality.acceptance.gate import Opening, accept

    verdict = accept(
        candidate_of(home),
        home.acceptance,
        previous=home.warehouse if home.warehouse.exists() else None,
        name=opened.batch.isoformat(),
        suite=read_suite(generated=generated_checks(platform.library)),
        opening=Opening(platform.engine.limits, platform.keys),
    )
    record_verdict(home, passed=verdict.passed)
    return verdict


def _switch(platform: Platform, opened: BatchContext) -> Path:
    return switch(platform.home, opened.batch, platform.keys)


def _packages(platform: Platform, opened: BatchContext) -> tuple[Package, ...]:
    with platform.open_ledger() as ledger:
        head = ledger.head(opened.batch.isoformat())
    return build_packages(opened, platform.home, platform.signing_keys(), head, platform.sheets)


def _summary(platform: Platform, opened: BatchContext) -> Path:
    warnings = warnings_of(platform, opened.batch)
    return build_summary(opened.connection, platform.home, turn_of(opened), warnings)


def _standard_database(platform: Platform, opened: BatchContext) -> tuple[str, ...]:
    return tuple(
        make_standard(
            opened.connection, platform.home, opened.lake, platform.library, opened.batch, platform.keys
        )
    )
