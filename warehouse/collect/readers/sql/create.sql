CREATE OR REPLACE TABLE {table} (_row BIGINT, {columns}, _state UTINYINT)
