"""Dagster's own instance: where it keeps the history of runs that its UI shows."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg

from warehouse.home import Home

DAGSTER_YAML = Path(__file__).parent / "dagster.yaml"


def dagster_home(home: Home) -> Path:
    """Dagster's folder below the home, with our `dagster.yaml` in it."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(DAGSTER_YAML, home.dagster / "dagster.yaml")
    return home.dagster


def dagster_instance(home: Home) -> dg.DagsterInstance:
    """The instance of this installation."""
    return dg.DagsterInstance.from_config(str(dagster_home(home)))
