DELETE FROM {table} WHERE _state IN ({states});
ALTER TABLE {table} DROP COLUMN _state;
