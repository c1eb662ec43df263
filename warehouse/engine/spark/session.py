"""Opens a Spark session whose SQL means the same as DuckDB's: time zone, casts; without web interface or reports.

This module only opens sessions. `warehouse.engine.spark.functions` and `translate` provide functions and SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pyspark.sql import SparkSession

# Settings that our SQL needs. With ANSI a value that does not convert stops the run, as in DuckDB, except in try_cast.
SETTINGS: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    # For a query of many rules over derived columns, the optimiser's inferred constraints would exceed any memory.
    "spark.sql.constraintPropagation.enabled": "false",
}


# For a few thousand rows, as in tests: there, compiling the generated code of many rules takes most of the time.
SMALL: Mapping[str, str] = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}


def local_session(
    cores: int = 2, memory: str = "2g", further: Mapping[str, str] = MappingProxyType({})
) -> SparkSession:
    """A session in this process. On a cluster, the operator's own session only needs `SETTINGS`.

    Args:
        cores: number of threads, and of partitions of a shuffle.
        memory: memory of the Java process, such as `2g`.
        further: further settings of Spark, such as `SMALL`.
    """
    builder = SparkSession.builder.master(f"local[{cores}]").appName("zhenjie")
    for name, value in {
        **SETTINGS,
        "spark.driver.memory": memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        # Queries of many rules are deep trees, which need a large stack.
        "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -Xss16m",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
        "spark.sql.shuffle.partitions": str(cores),
        **further,
    }.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
