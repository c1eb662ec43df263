"""The way to a Spark session whose SQL means what DuckDB's does: time zone, casts, nothing shown, nothing reported.

Only the way to a session lives here. What it can be asked is `warehouse.engine.spark.functions` and `translate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pyspark.sql import SparkSession

# What our SQL relies on. With ANSI a value that will not convert stops the run, as on DuckDB, unless try_ is said.
SETTINGS: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    # What the optimiser infers of a query of many rules with columns made of columns grows beyond any memory.
    "spark.sql.constraintPropagation.enabled": "false",
}


# For a few thousand rows, as in tests: compiling what a query of many rules is made into takes most of the time then.
SMALL: Mapping[str, str] = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}


def local_session(
    cores: int = 2, memory: str = "2g", further: Mapping[str, str] = MappingProxyType({})
) -> SparkSession:
    """A session in this process; on a cluster the operator's own session needs `SETTINGS` only.

    Args:
        cores: threads, and parts of a shuffle.
        memory: of the Java process, such as `2g`.
        further: settings of Spark to add, such as `SMALL`.
    """
    builder = SparkSession.builder.master(f"local[{cores}]").appName("zhenjie")
    for name, value in {
        **SETTINGS,
        "spark.driver.memory": memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        # Queries of many rules are deep trees.
        "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -Xss16m",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
        "spark.sql.shuffle.partitions": str(cores),
        **further,
    }.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
