-- The position in the table is the position in the list: rows were inserted in order, and no row was removed yet.
UPDATE {table} SET _row = numbers_batch.row FROM numbers_batch WHERE numbers_batch.place = {table}.rowid
