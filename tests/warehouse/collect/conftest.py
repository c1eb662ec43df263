"""A school to deliver to, for the tests of deliveries and of archives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.warehouse.collect.school import REMOVED, School, SchoolOf, a_school
from warehouse.engine.connection import Engine


@pytest.fixture
def school_of(engine: Engine) -> Iterator[SchoolOf]:
    """A school in a folder, as its contract says."""
    with engine.connect() as connection:
        yield lambda folder, mode, more: a_school(folder, mode, more, connection, engine.codes)


@pytest.fixture
def deltas(school_of: SchoolOf, tmp_path: Path) -> School:
    return school_of(tmp_path, "delta", REMOVED)
