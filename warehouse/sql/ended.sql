-- The versions that ended with a batch: rows of the batch before that this batch deleted or changed.
SELECT before.*, {today} AS valid_to
FROM {before} AS before
ANTI JOIN {now} AS now ON now.{key} = before.{key} AND now.valid_from = before.valid_from
ORDER BY before.{key}
