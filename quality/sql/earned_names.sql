-- Disputes that suggest a person's name only where the row's ID number is known to be right. A row with another
-- person's number also has another name: a new name would hide the wrong number.
-- The number is in doubt if the row's date of birth or sex differs as well. It is right if the date of birth agrees,
-- if the delivered name is not a person's name (masked, garbled, another script), if only one of three or more
-- characters differs, or if two names of one row are exchanged.
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
