DELETE FROM {hashes} WHERE _row IN (SELECT _row FROM {table} WHERE {rows})
