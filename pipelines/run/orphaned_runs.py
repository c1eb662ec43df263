"""Orphaned runs, whose process died: to Dagster they run for ever, and every run queued behind them waits."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

# The process of a run and its start: the number alone may belong to another process by now.
PROCESS = "zhenjie/process"
UNDER_WAY = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def marked() -> dict[str, str]:
    """The tag of a run that this process executes."""
    return {PROCESS: f"{os.getpid()}-{_started(os.getpid())}"}


def report_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report every orphaned run to Dagster as failed. Returns their ids."""
    dead = []
    for run in instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY)):
        pid, _, started = run.tags.get(PROCESS, "").partition("-")
        if pid and _started(int(pid)) != started:
            instance.report_run_failed(
                run, f"its process {pid} is gone: killed, or the machine was restarted"
            )
            dead.append(run.run_id)
    return dead


def _started(pid: int) -> str | None:
    """The start of a process of this machine, in ticks since its boot; None if the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold anything; the start is the 22nd.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
