"""Alerts: one file for each run that failed, or that succeeded with something a person should look at.

`zhenjie run` writes its own alert. Two sensors write the alerts of runs that Dagster starts. A later run of the same
batch without trouble settles the batch's alerts: they move to `alerts/done/`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from warehouse.home.files import replace_json
from warehouse.home.folders import Home

SETTLED = "done"


@dataclass(frozen=True)
class Alert:
    """The things a run left for a person to look at. Names steps, checks and files, never a resident's data.

    Attributes:
        run: Dagster's id of the run, or `refused-<batch>` for a run that was refused before it began.
        job: Dagster's name of the job.
        batch: the day of the turn; empty for a job without one.
        failed: the steps that failed, or why the run was refused.
        warnings: checks that did not pass, and files that could not be placed.
        at: when the run ended, UTC, ISO 8601.
    """

    run: str
    job: str
    batch: str
    failed: tuple[str, ...]
    warnings: tuple[str, ...]
    at: str

    def __str__(self) -> str:
        """The alert as one line for people."""
        parts = [f"失败：{'、'.join(self.failed)}"] if self.failed else []
        parts += [f"请核对：{'；'.join(self.warnings)}"] if self.warnings else []
        return f"{self.at} 批次 {self.batch or '无'} {'；'.join(parts)}"


def refused_run(batch: date) -> str:
    """The id of an alert about a run that was refused before it began."""
    return f"refused-{batch.isoformat()}"


def raise_alert(home: Home, alert: Alert) -> None:
    """Write an alert, unless it is empty. It replaces an earlier alert of the same run."""
    if not alert.failed and not alert.warnings:
        return
    home.alerts.mkdir(parents=True, exist_ok=True)
    replace_json(home.alerts / f"{alert.run}.json", asdict(alert))


def settle(home: Home, job: str, batch: str) -> None:
    """Move the alerts of a job and batch to `alerts/done/`, after a later run without trouble."""
    for path, alert in open_alerts(home):
        if (alert.job, alert.batch) == (job, batch):
            done = home.alerts / SETTLED
            done.mkdir(exist_ok=True)
            path.replace(done / path.name)


def open_alerts(home: Home) -> Iterator[tuple[Path, Alert]]:
    """The open alerts, oldest first.

    A file with other content is listed as an unreadable alert, so that nobody overlooks it.
    """
    found = [(path, _read(path)) for path in sorted(home.alerts.glob("*.json"))]
    yield from sorted(found, key=lambda one: (one[1].at, one[1].run))


def _read(path: Path) -> Alert:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        failed, warnings = (tuple(map(str, facts.get(name, ()))) for name in ("failed", "warnings"))
        return Alert(facts["run"], facts["job"], facts["batch"], failed, warnings, facts["at"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Alert(path.stem, "", "", ("警报文件无法读取",), (), "")


def moment(at: datetime) -> str:
    """A time in the spelling of alerts."""
    return at.isoformat(timespec="seconds")
