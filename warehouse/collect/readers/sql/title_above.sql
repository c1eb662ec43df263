-- The rows right above a row, nearest first: whether each is a title alone in its row, or a note.
SELECT _row, (_state IN ({records}) AND {filled} = 1) OR _state IN ({notes})
FROM {table}
WHERE _row BETWEEN {row} - {within} AND {row} - 1
ORDER BY _row DESC
