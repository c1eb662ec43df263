"""Installations that tests of what is returned may change, and the databases that a ledger may be in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assets.platform import Platform
from returns.ledger.store import Ledger
from tests.postgresql import Server, running
from tests.returns.ledger_databases import Database, PostgreSQL, SQLite
from tests.returns.office import BATCH, OLDER, Office, ticket_rows


@pytest.fixture
def copy(city_after_one_turn: Any, install: Callable[[Path], Platform], tmp_path: Path) -> Platform:
    """An installation of one's own with the same lake and packages."""
    shutil.copytree(city_after_one_turn.platform.home.root, tmp_path / "home")
    return install(tmp_path / "home")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def shared(server: Server) -> PostgreSQL:
    """A database with a ledger in it: to empty it takes a tenth of the time of making one."""
    url = server.database()
    Ledger.open(url).close()
    return PostgreSQL(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A database of either kind: empty, or for a test that asks for a ledger perhaps with an empty one in it."""
    if request.param == "sqlite":
        return SQLite(tmp_path / "home" / "ledger.sqlite")
    if "ledger" in request.fixturenames:
        shared: PostgreSQL = request.getfixturevalue("shared")
        shared.tamper("TRUNCATE entry, reply, refusal, delivery, link")
        return shared
    server: Server = request.getfixturevalue("server")
    return PostgreSQL(server.database())


@pytest.fixture
def office(install: Callable[[Path], Platform], tmp_path: Path) -> Iterator[Office]:
    platform = install(tmp_path / "home")
    with Ledger.open(platform.ledger_url) as ledger:
        made = Office(platform, tmp_path, ledger)
        made.issue(OLDER, ticket_rows())
        made.issue(BATCH, ticket_rows())
        yield made
