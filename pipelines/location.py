"""The code location that Dagster's own processes load: the installation that the environment describes."""

from __future__ import annotations

from pipelines.definitions import build_definitions
from pipelines.platform import build_platform
from pipelines.settings import read_settings

defs = build_definitions(build_platform(read_settings()))
