-- Changes for a township since the last returned batch, codes shown by their labels.
WITH told AS (
  SELECT
    change.*,
    CASE
      WHEN change.kind = 'came' THEN '新增'
      WHEN change.kind = 'left' THEN '减少'
      WHEN change.kind = 'moved_in' THEN '迁入'
      WHEN change.kind = 'moved_out' THEN '迁出'
      WHEN change.entity = 'person' AND change.attribute = 'death_date' AND change.before IS NULL THEN '死亡'
      ELSE '变更'
    END AS what
  FROM change
  WHERE change.unit_code IS NOT NULL
)
SELECT
  told.unit_code,
  attribute.entity_title AS subject_kind,
  told.what,
  told.key AS subject_key,
  told.name,
  village.label AS village,
  CASE WHEN told.kind NOT IN ('came', 'left') THEN attribute.title END AS field_title,
  coalesce(place_before.label, label_before.label, told.before) AS before,
  coalesce(place_after.label, label_after.label, told.after) AS after,
  concat(dataset.department_title, '《', dataset.title, '》') AS source,
  told.since
FROM told
JOIN attribute
  ON attribute.entity = told.entity
  AND attribute.attribute = coalesce(told.attribute, 'village_code')
LEFT JOIN codes.division AS village ON village.code = told.village_code
LEFT JOIN codes.division AS place_before ON attribute.code_table = 'division' AND place_before.code = told.before
LEFT JOIN codes.division AS place_after ON attribute.code_table = 'division' AND place_after.code = told.after
LEFT JOIN code_label AS label_before
  ON label_before.code_table = attribute.code_table AND label_before.code = told.before
LEFT JOIN code_label AS label_after
  ON label_after.code_table = attribute.code_table AND label_after.code = told.after
LEFT JOIN catalog_dataset AS dataset ON dataset.dataset = told.source
ORDER BY told.unit_code, told.entity = 'person' DESC, told.entity,
  list_position(['死亡', '迁入', '迁出', '新增', '减少', '变更'], told.what), told.village_code NULLS LAST,
  told.key, told.attribute
