"""A Spark session with the function library beside a DuckDB connection with the same. Run by `make test-spark`."""

from collections.abc import Iterator

import duckdb
import pytest
from pyspark.sql import SparkSession

from schemas.codes import CodeLibrary
from warehouse.engine import install_codes
from warehouse.functions import install as install_on_duckdb
from warehouse.spark.functions import install
from warehouse.spark.session import local_session


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    session = local_session()
    install(session, CodeLibrary())
    yield session
    session.stop()


@pytest.fixture(scope="session")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        install_on_duckdb(connection)
        install_codes(connection, CodeLibrary())
        yield connection
