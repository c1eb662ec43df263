-- Addresses; see the DuckDB file of this name.

CREATE OR REPLACE TEMPORARY FUNCTION _address_text(t STRING) RETURNS STRING RETURN
CASE
    WHEN t RLIKE r'^[\x{4E00}-\x{9FFF}0-9A-Za-z]{4,}\z' THEN t
    ELSE translate(_without(t, r'[ \x27‘’`"=]'), '(),#―—', '（），号--')
END;

-- A map of a few hundred spellings, the same for all rows.
CREATE OR REPLACE TEMPORARY FUNCTION _county_spelt(s STRING) RETURNS STRING RETURN
try_element_at((SELECT known.facts FROM codes__county_spelling AS known), s);

-- The facts of the county at the beginning of a text without blanks: the text up to the third, second or first 区, 县
-- or 市 is looked up.
CREATE OR REPLACE TEMPORARY FUNCTION _county_fact(s STRING) RETURNS STRING RETURN
coalesce(
    _county_spelt(regexp_extract(
        s, '^[^区县市]*[区县市][^区县市]*[区县市][^区县市]*[区县市]', 0
    )),
    _county_spelt(regexp_extract(s, '^[^区县市]*[区县市][^区县市]*[区县市]', 0)),
    _county_spelt(regexp_extract(s, '^[^区县市]*[区县市]', 0))
);

CREATE OR REPLACE TEMPORARY FUNCTION _behind_county(s STRING, fact STRING) RETURNS STRING RETURN
substr(s, coalesce(CAST(substr(fact, 1, 2) AS INT), 0) + 1);

CREATE OR REPLACE TEMPORARY FUNCTION _address_joined(s STRING, fact STRING) RETURNS STRING RETURN
coalesce(substr(fact, 9), '') || _behind_county(s, fact);

CREATE OR REPLACE TEMPORARY FUNCTION _address_of(s STRING) RETURNS STRING RETURN _address_joined(s, _county_fact(s));

CREATE OR REPLACE TEMPORARY FUNCTION normalise_address(t STRING) RETURNS STRING RETURN _address_of(_address_text(t));

CREATE OR REPLACE TEMPORARY FUNCTION address_county(t STRING) RETURNS STRING RETURN
substr(_county_fact(_address_text(t)), 9);

CREATE OR REPLACE TEMPORARY FUNCTION _below_county(s STRING) RETURNS STRING RETURN _behind_county(s, _county_fact(s));

CREATE OR REPLACE TEMPORARY FUNCTION address_township(t STRING) RETURNS STRING RETURN
nullif(regexp_extract(_below_county(_address_text(t)), '^[^0-9]{1,9}?(?:街道|镇|乡)', 0), '');

CREATE OR REPLACE TEMPORARY FUNCTION address_village(t STRING) RETURNS STRING RETURN
nullif(regexp_extract(
    _below_county(_address_text(t)),
    '^(?:[^0-9]{1,9}?(?:街道|镇|乡)(?:办事处)?)?([^0-9-]{1,20}?(?:社区|村|居委会|居民委员会)(?:社区|村)?)',
    1
), '');

-- The steps of address_division; p is an address as the table of places writes it.
CREATE OR REPLACE TEMPORARY FUNCTION _without_city(s STRING) RETURNS STRING RETURN
regexp_replace(s, (SELECT known.pattern FROM codes__city_pattern AS known), '');

CREATE OR REPLACE TEMPORARY FUNCTION _place_text(s STRING) RETURNS STRING RETURN
_without_city(replace(
    regexp_replace(s, '(街道|镇|乡)(?:办事处|人民政府)|(村)(?:村民委员会|村委会)', '$1$2'), '办事处', '街道'
));

-- Spark searches a map from its beginning, so the names are divided among many maps. A sub-query would be a join for
-- each name and each rule.
CREATE OR REPLACE TEMPORARY VIEW codes__place_drawer AS
SELECT map_from_entries(collect_list(struct(drawer, names))) AS drawers
FROM (
    SELECT pmod(crc32(CAST(name AS BINARY)), 160) AS drawer, map_from_entries(collect_list(struct(name, code))) AS names
    FROM codes__place GROUP BY 1
);

CREATE OR REPLACE TEMPORARY FUNCTION _place(called STRING) RETURNS STRING RETURN
try_element_at(
    try_element_at((SELECT known.drawers FROM codes__place_drawer AS known), pmod(crc32(CAST(called AS BINARY)), 160)),
    called
);

CREATE OR REPLACE TEMPORARY FUNCTION _place_of(p STRING, county STRING) RETURNS STRING RETURN
coalesce(
    _place(regexp_extract(p, '^[^0-9-]+', 0)),
    _place(regexp_extract(
        p, '^(?:[^0-9-]*?(?:街道|镇|乡)(?:[^0-9-]*(?:村|社区)|[^0-9-]*)|[^0-9-]*(?:村|社区))', 0
    )),
    _place(regexp_extract(p, '^[^0-9-]+?社区', 0)),
    _place(regexp_extract(p, '^([^0-9-]+?)(?:居委会|居民委员会)', 1) || '社区'),
    _place(regexp_extract(p, '^[^0-9]{2,24}?(?:街道|镇|乡)', 0)),
    _place(regexp_extract(
        p, '^[^0-9]{2,24}?(?:[镇乡]镇|苏木|[农林]场|(?:开发|园|工业|加工|度假|管理|示范|矿|新)区)', 0
    )),
    _place(county)
);

CREATE OR REPLACE TEMPORARY FUNCTION address_division(t STRING) RETURNS STRING RETURN
_place_of(_place_text(normalise_address(t)), _without_city(address_county(t)));
