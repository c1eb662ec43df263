SELECT count(*), min(_row, {most})
FROM {table}
WHERE {where}
