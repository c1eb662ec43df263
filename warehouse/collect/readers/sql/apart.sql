-- Empty rows, notes and titles alone in their rows: what stands right above the headings of a second table.
SELECT _row + 1
FROM {table}
WHERE _state IN ({apart}) OR ({alone})
ORDER BY _row
LIMIT {most}
