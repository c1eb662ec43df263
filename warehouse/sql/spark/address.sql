-- Addresses; see the DuckDB file of this name.

CREATE OR REPLACE TEMPORARY FUNCTION _address_text(t STRING) RETURNS STRING RETURN
CASE
    WHEN t RLIKE r'^[\x{4E00}-\x{9FFF}0-9A-Za-z]{4,}\z' THEN t
    ELSE translate(_without(t, r'[ \x27‘’`"=]'), '(),#―—', '（），号--')
END;

-- A map of a few hundred spellings, the same for all rows.
CREATE OR REPLACE TEMPORARY FUNCTION _county_spelt(s STRING) RETURNS STRING RETURN
try_element_at((SELECT known.facts FROM codes__county_spelling AS known), s);

-- What the tables know of the county that a text without blanks begins with: up to the second, first or third 区, 县 or
-- 市.
CREATE OR REPLACE TEMPORARY FUNCTION _county_fact(s STRING) RETURNS STRING RETURN
coalesce(
    _county_spelt(regexp_extract(s, '^[^区县市]{0,12}[区县市][^区县市]{0,12}[区县市]', 0)),
    _county_spelt(regexp_extract(s, '^[^区县市]{0,12}[区县市]', 0)),
    _county_spelt(regexp_extract(
        s, '^[^区县市]{0,12}[区县市][^区县市]{0,12}[区县市][^区县市]{0,12}[区县市]', 0
    ))
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
