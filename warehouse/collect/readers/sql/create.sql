CREATE OR REPLACE TEMP TABLE {table} (_row BIGINT, {columns}, _state UTINYINT)
