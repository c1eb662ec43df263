"""The loop as tests walk it: parts of it, and what is run in the place of a task. The order is that of the tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from assets.platform import Platform
from assets.tasks import ACCEPTANCE, SETTLED, SUMMARY, Key, Stage, Task, tasks_of
from quality.findings.flagged import settle_deliveries
from warehouse.incremental.context import BatchContext
from warehouse.publish.switch import candidate_of, record_verdict
from warehouse.standard.standardise import standardise

Instead = dict[Key, Callable[[Platform, BatchContext], Any]]

FOUND = (Stage.EXTRACT, Stage.STANDARD, Stage.FINDING, Stage.AGREEMENT, Stage.SETTLED)
"""The stages from the extracts to the findings."""
GOVERNED = (*FOUND, Stage.GOVERNANCE)
PUBLISHED = (*FOUND, Stage.TICKET, Stage.GOVERNANCE, Stage.PUBLICATION)
UNPUBLISHED = (*FOUND, Stage.TICKET, Stage.GOVERNANCE, Stage.RETURNS)
"""The stages without the acceptance gate, which takes seconds, and what it guards."""

NO_GATE: Instead = {ACCEPTANCE: lambda platform, _: let_through(platform)}
NO_SUMMARY: Instead = {SUMMARY: lambda *_: None}


def let_through(platform: Platform) -> None:
    """In the place of the acceptance gate: every candidate passes."""
    if candidate_of(platform.home).exists():
        record_verdict(platform.home, passed=True)


def with_corrections(platform: Platform, laid_over: pl.DataFrame) -> Instead:
    """The corrections that are laid over the standard tables, in the place of those in the ledger."""
    laid: Instead = {
        task.key: _standardised(task, laid_over)
        for task in tasks_of(platform)
        if task.stage is Stage.STANDARD
    }
    return {**laid, SETTLED: lambda _, opened: settle_deliveries(opened, platform.home, laid_over)}


def _standardised(task: Task, laid_over: pl.DataFrame) -> Callable[[Platform, BatchContext], Any]:
    contract = task.contract
    assert contract is not None
    return lambda _, opened: standardise(opened, contract, laid_over)
