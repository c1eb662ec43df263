"""`deliver`, `reply`, `backup` and `restore`, killed at random moments or on a full disk: nothing is lost or locked."""

from __future__ import annotations

import fcntl
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from assets.platform import Platform
from pipelines.commands.operations import _faults
from returns.ledger.chain import Act
from warehouse.collect.intake import reception
from warehouse.home.files import is_draft
from warehouse.home.folders import Home

ROOT = Path(__file__).parents[2]
MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
KILLS = 10
# From its beginning on no file may grow beyond this: less than any delivered file, answer, database or archive.
LITTLE = 3_000

# Forks a child for each command, after everything is imported: a kill hits the command, not Python's start.
SERVER = """
import json, os, resource, sys, traceback
import pandas, pyarrow.dataset, sqlalchemy.orm, sqlglot.dialects.duckdb
from pipelines.cli import app
from pipelines.terminal.process import *
"""


@pytest.fixture
def home(undisturbed: Any, tmp_path: Path) -> Path:
    """The installation in the evening of Monday."""
    shutil.copytree(undisturbed.evening, tmp_path / "home")
    return tmp_path / "home"
