-- How many records have something in a column without a heading, and the first of them.
SELECT count(*), list(_row ORDER BY _row)[:{most}] FROM {table} WHERE {column}
