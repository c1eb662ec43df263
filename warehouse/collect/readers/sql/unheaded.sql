-- How many records have a value in a column without a heading, and the first of these rows.
SELECT count(*), list(_row ORDER BY _row)[:{most}] FROM {table} WHERE {column}
