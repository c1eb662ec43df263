-- The rows of a table with the batch since when each is as it is: that of the batch before while nothing changed.
SELECT now.*, CASE WHEN {same} THEN before.valid_from ELSE {today} END AS valid_from
FROM ({rows}) AS now
LEFT JOIN {before} AS before ON now.{key} = before.{key}
