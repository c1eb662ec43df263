SELECT _row, _state
FROM {table}
WHERE _state IN ({states})
ORDER BY _row
