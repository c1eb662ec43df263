-- The rows above a row, nearest first, and whether each is a note or a title alone in its row.
SELECT _row, (_state IN ({records}) AND {filled} = 1) OR _state IN ({notes})
FROM {table}
WHERE _row BETWEEN {row} - {within} AND {row} - 1
ORDER BY _row DESC
