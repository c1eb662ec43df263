"""Runs whose process died: Dagster takes them for running for ever, and holds back every run queued behind them."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

# The process that carries a run out, and when it started: a number alone may be another process's by now.
PROCESS = "zhenjie/process"
UNDER_WAY = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def marked() -> dict[str, str]:
    """The tag of a run that this process carries out."""
    return {PROCESS: f"{os.getpid()}-{_started(os.getpid())}"}


def report_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Tell Dagster of every run under way whose process is gone that it failed; returns their ids."""
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
    """When a process of this machine started, in ticks since its boot; None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold anything; the start is the 22nd.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
