-- A row's place in the table is its place in the file: rows are inserted in order, and none is gone yet.
UPDATE {table} SET _row = rowid + {first}
