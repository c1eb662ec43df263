-- The position in the table is the position in the file: rows were inserted in order, and no row was removed yet.
UPDATE {table} SET _row = rowid + {first}
