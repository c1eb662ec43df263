-- The rows of a table with `valid_from`: an unchanged row keeps the day of the batch before.
SELECT now.*, CASE WHEN {same} THEN before.valid_from ELSE {today} END AS valid_from
FROM ({rows}) AS now
LEFT JOIN {before} AS before ON now.{key} = before.{key}
