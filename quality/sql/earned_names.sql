-- Disputes in which the name of a person is suggested only where the row's number is not in doubt itself. A row under
-- another person's number has another name too: renaming it would hide the wrong number.
-- The number is in doubt if the date of birth or the sex of the row differs as well. It is not if the date of birth
-- agrees, if the name is none (masked, garbled, in another script), if one of three or more characters differs, or if
-- two names of one row are exchanged.
WITH dispute AS (FROM {disputes}),
named AS (
  SELECT *, list_count(list_filter(range(1, length(observed) + 1), lambda i: observed[i] <> suggestion[i])) AS differing
  FROM dispute WHERE finding_id IS NULL AND (dataset, field) IN ({names})
), doubted AS (
  SELECT dataset, row_number, key FROM dispute WHERE finding_id IS NULL AND (dataset, field) IN ({carried})
), born AS (
  SELECT DISTINCT dataset, row_number, key FROM ({births})
), earned AS (
  SELECT named.dataset, named.row_number, named.key, named.field
  FROM named
  ANTI JOIN doubted USING (dataset, row_number, key)
  LEFT JOIN born USING (dataset, row_number, key)
  LEFT JOIN named AS other
    ON other.dataset = named.dataset AND other.row_number = named.row_number AND other.key <> named.key
    AND other.observed = named.suggestion AND other.suggestion = named.observed
  WHERE born.key IS NOT NULL OR other.key IS NOT NULL OR NOT is_person_name(named.observed)
    OR (length(named.observed) = length(named.suggestion) AND length(named.observed) >= 3 AND named.differing = 1)
)
SELECT dispute.* REPLACE (
    CASE WHEN finding_id IS NOT NULL OR (dispute.dataset, dispute.field) NOT IN ({names}) OR earned.key IS NOT NULL
      THEN dispute.suggestion END AS suggestion
  )
FROM dispute
LEFT JOIN earned USING (dataset, row_number, key, field)
