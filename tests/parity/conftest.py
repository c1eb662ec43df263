"""A Spark session with the function library beside a DuckDB connection with the same. Run by `make test-spark`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from pyspark.sql import SparkSession

from assets.platform import Platform
from assets.tasks import Stage, run_tasks
from sample_city.generate import generate
from schemas.codes import CodeLibrary
from schemas.contract.library import Library, load_library
from tests.loop import with_corrections
from warehouse.collect.intake import reception
from warehouse.engine.connection import Engine, install_codes
from warehouse.engine.functions import install as install_on_duckdb
from warehouse.engine.spark.functions import install
from warehouse.engine.spark.session import SMALL, local_session
from warehouse.home.folders import Home
from warehouse.lake.store import Lake

CHINA = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 3, 2)
RESIDENTS, SEED = 2_000, 1


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    session = local_session(further=SMALL)
    install(session, CodeLibrary())
    yield session
    session.stop()


@pytest.fixture(scope="session")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        install_on_duckdb(connection)
        install_codes(connection, CodeLibrary())
        yield connection


@dataclass(frozen=True)
class City:
    """A sample city after standardisation and verification by DuckDB, with some corrections laid over."""

    lake: Lake
    library: Library
    codes: CodeLibrary
    corrections: pl.DataFrame


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    folder = tmp_path_factory.mktemp("city")
    library, codes = load_library(), CodeLibrary()
    home, engine = Home(folder / "home"), Engine(folder / "spill", codes)
    home.root.mkdir()
    generate(folder / "sample", RESIDENTS, SEED, DAY)
    files = sorted(path for path in (folder / "sample").iterdir() if path.is_file())
    reception.deliver(home, library, files, DAY, datetime(DAY.year, DAY.month, DAY.day, 8, tzinfo=CHINA))
    lake = Lake(home.root / "lake")
    platform = Platform(home, library, codes, engine, f"sqlite:///{home.ledger}")
    with platform.open_batch(DAY) as opened:
        run_tasks(platform, opened, only=(Stage.EXTRACT, Stage.STANDARD))
        confirmed = _corrections(opened.connection, lake)
        laid = with_corrections(platform, confirmed)
        run_tasks(platform, opened, only=(Stage.STANDARD, Stage.FINDING), instead=laid)
    return City(lake, library, codes, confirmed)


def _corrections(connection: duckdb.DuckDBPyConnection, lake: Lake) -> pl.DataFrame:
    """Some sexes and birth dates of residents corrected, one of which has not been delivered like that."""
    people = lake.as_of("standard", "police.population", DAY)
    assert people is not None
    return connection.execute(
        "SELECT 'police.population' AS dataset, record_key, field, delivered, value FROM ("
        f"SELECT record_key, 'sex' AS field, sex AS delivered, '女' AS value FROM {people.scan} "
        "UNION ALL SELECT record_key, 'birth_date', CAST(birth_date AS VARCHAR), '1980年5月3日' "
        f"FROM {people.scan} WHERE birth_date IS NOT NULL "
        "UNION ALL SELECT record_key, 'name', '不是这个', '张三' "
        f"FROM {people.scan}) WHERE md5(record_key) < '1' QUALIFY "
        "row_number() OVER (PARTITION BY record_key, field ORDER BY delivered) = 1"
    ).pl()


@pytest.fixture(scope="session")
def day() -> date:
    """The business date of the city's batch."""
    return DAY
