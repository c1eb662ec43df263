"""Installations that tests of what is returned may change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assets.platform import Platform


@pytest.fixture
def copy(city_after_one_turn: Any, install: Callable[[Path], Platform], tmp_path: Path) -> Platform:
    """An installation of one's own with the same lake and packages."""
    shutil.copytree(city_after_one_turn.platform.home.root, tmp_path / "home")
    return install(tmp_path / "home")
