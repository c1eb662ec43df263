-- What changed in one governance table between two of its partitions, before a value is shown as people read it.
-- `changed_{entity}` holds the rows that are new since then, `former_{entity}` the rows that they replaced or that left.
SELECT {entity_text} AS entity, now.{key} AS key, {now_name} AS name, 'came' AS kind, NULL AS attribute,
  NULL AS before, NULL AS after, {founders} AS source, now.valid_from AS since,
  now.township_code AS unit_code, now.village_code AS village_code
FROM changed_{entity} AS now ANTI JOIN former_{entity} AS before ON before.{key} = now.{key}
UNION ALL
SELECT {entity_text}, before.{key}, {before_name}, 'left', NULL, NULL, NULL, {founders}, {batch},
  before.township_code, before.village_code
FROM former_{entity} AS before ANTI JOIN changed_{entity} AS now ON now.{key} = before.{key}
UNION ALL
SELECT {entity_text}, now.{key}, {now_name}, 'moved_out', 'village_code', before.village_code, now.township_code,
  CAST(now.provenance.village_code AS VARCHAR), now.valid_from, before.township_code, before.village_code
FROM changed_{entity} AS now JOIN former_{entity} AS before ON before.{key} = now.{key}
WHERE now.township_code IS DISTINCT FROM before.township_code
UNION ALL
SELECT {entity_text}, now.{key}, {now_name}, 'moved_in', 'village_code', before.township_code, now.village_code,
  CAST(now.provenance.village_code AS VARCHAR), now.valid_from, now.township_code, now.village_code
FROM changed_{entity} AS now JOIN former_{entity} AS before ON before.{key} = now.{key}
WHERE now.township_code IS DISTINCT FROM before.township_code
UNION ALL
SELECT {entity_text}, key, name, 'changed', item.attribute, item.before, item.after, item.source, since,
  unit_code, village_code
FROM (
  SELECT now.{key} AS key, {now_name} AS name, now.valid_from AS since,
    now.township_code AS unit_code, now.village_code AS village_code,
    unnest(list_filter([
      {items}
    ], lambda item: item.before IS DISTINCT FROM item.after)) AS item
  FROM changed_{entity} AS now JOIN former_{entity} AS before ON before.{key} = now.{key}
  WHERE now.township_code IS NOT DISTINCT FROM before.township_code
)
