"""A small published warehouse with its standard tables, both accepted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from warehouse.home.files import replace_json, sha256_of
from warehouse.home.folders import Home

# Stands in files that queries must not reach.
SECRET = "a-secret-of-the-installation"

WAREHOUSE = """
CREATE SCHEMA governance;
CREATE TABLE governance.person AS
  SELECT * FROM (VALUES (1, '张三', '1', DATE '1990-01-02'), (2, '李四', '2', DATE '1991-02-03'))
  AS v (id, name, sex, born);
COMMENT ON TABLE governance.person IS '人员';
CREATE VIEW governance.person_history AS FROM governance.person;
"""
STANDARD = """
CREATE SCHEMA hidden;
CREATE TABLE hidden.standard AS SELECT 1 AS n;
CREATE TABLE police_population AS SELECT '张三' AS name;
"""


def published(root: Path) -> Home:
    """An installation with a published warehouse and standard tables, and a file that queries must not see."""
    home = Home(root)
    home.spill.mkdir(parents=True)
    (home.spill / "secret.txt").write_text(SECRET, encoding="utf-8")
    (root / "x.csv").write_text(f"c\n{SECRET}\n", encoding="utf-8")
    for path, sql in ((home.warehouse, WAREHOUSE), (home.standard, STANDARD)):
        with duckdb.connect(str(path)) as database:
            database.execute(sql)
    replace_json(home.accepted, [sha256_of(home.warehouse)])
    replace_json(home.standard_accepted, [sha256_of(home.standard)])
    return home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    yield published(tmp_path_factory.mktemp("published") / "home")
