"""Dagster's history: the same files as Dagster's own storage writes, kept open."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from pipelines.dagster_private import SqliteEventLogStorage
from pipelines.run.event_log import OPEN_RUNS, EventLog
from pipelines.run.instance import dagster_instance
from warehouse.home.folders import Home


@dg.asset
def counted() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": 7})


def test_what_is_written_is_what_dagster_s_own_storage_reads(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with dagster_instance(home) as instance:
        assert isinstance(instance.event_log_storage, EventLog)
        runs = [dg.materialize([counted], instance=instance).run_id for _ in range(OPEN_RUNS + 2)]
        written = {run: [entry.message for entry in instance.all_logs(run)] for run in runs}

    own = SqliteEventLogStorage(str(home.dagster / "history" / "runs"))
    read = {run: [entry.message for entry in own.get_logs_for_run(run)] for run in runs}
    assert read == written
    assert all(any("Materialized value counted" in message for message in read[run]) for run in runs)
    newest = own.get_latest_materialization_events([dg.AssetKey("counted")])[dg.AssetKey("counted")]
    assert newest is not None
    assert newest.run_id == runs[-1]


def test_only_a_few_runs_are_open_at_a_time(tmp_path: Path) -> None:
    with dagster_instance(Home(tmp_path)) as instance:
        for _ in range(OPEN_RUNS + 2):
            dg.materialize([counted], instance=instance)
        log = instance.event_log_storage
        assert isinstance(log, EventLog)
        assert len(log._engines) <= OPEN_RUNS + 1


def test_history_can_be_wiped(tmp_path: Path) -> None:
    with dagster_instance(Home(tmp_path)) as instance:
        run = dg.materialize([counted], instance=instance).run_id
        instance.event_log_storage.wipe()
        assert instance.all_logs(run) == []
