-- The rows below an empty row, a note, or a title alone in its row: the headings of a second table may stand there.
SELECT _row + 1
FROM {table}
WHERE _state IN ({apart}) OR ({alone})
ORDER BY _row
LIMIT {most}
