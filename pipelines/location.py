"""The code location that Dagster's own processes load: the installation that the environment describes."""

from __future__ import annotations

from pipelines.definitions import build_definitions
from pipelines.platform import build_platform
from pipelines.settings import read_settings
from warehouse.home.modes import keep_private

# Dagster starts processes for runs, sensors and the schedule. Each of them loads this module.
keep_private()
settings = read_settings()
defs = build_definitions(build_platform(settings), automatic=settings.automatic)
