-- A row's place in the table is its place among the numbers: rows are inserted in order, and none is gone yet.
UPDATE {table} SET _row = numbers_batch.row FROM numbers_batch WHERE numbers_batch.place = {table}.rowid
