"""Dagster's instance: the place of the history of runs that its UI shows."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template

import dagster as dg

from warehouse.home.folders import Home

DAGSTER_YAML = Path(__file__).parent / "dagster.yaml"


def dagster_home(home: Home) -> Path:
    """Dagster's folder below the home, with a `dagster.yaml` in it.

    The file is written again each time, because the home may have been moved. An engineer who deletes its first line
    keeps changes of their own.
    """
    home.dagster.mkdir(parents=True, exist_ok=True)
    settings = home.dagster / "dagster.yaml"
    ours = DAGSTER_YAML.read_text(encoding="utf-8")
    mark = ours.splitlines()[0]
    if not settings.exists() or mark in settings.read_text(encoding="utf-8").splitlines():
        # A JSON string is a YAML string too, for any characters of the path.
        history = json.dumps(str(home.dagster / "history" / "runs"), ensure_ascii=False)
        settings.write_text(Template(ours).substitute(history=history), encoding="utf-8")
    return home.dagster


def dagster_instance(home: Home) -> dg.DagsterInstance:
    """The instance of this installation."""
    return dg.DagsterInstance.from_config(str(dagster_home(home)))
