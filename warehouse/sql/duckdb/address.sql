-- Addresses: 山东省烟台市莱山区黄海路街道某某社区3号楼1单元101室. What they call the places is in the tables of places.sql.

-- Blanks out, brackets full-width, 3# is 3号. Nearly all addresses need none of it and pay for one expression only.
CREATE OR REPLACE MACRO _address_text(t VARCHAR) AS
CASE
    WHEN regexp_matches(t, '^[\x{4E00}-\x{9FFF}0-9A-Za-z]{4,}$') THEN t
    ELSE translate(_without(t, '[ ''‘’`"=]'), '(),#―—', '（），号--')
END;

-- What a spelling means; made anew with the tables of places.sql, until then nothing is known.
CREATE OR REPLACE MACRO _county_spelt(s VARCHAR) AS CAST(NULL AS VARCHAR);

-- The county that a text without blanks begins with, as the tables know it, up to the second, first or third 区, 县 or
-- 市: 山东省烟台市莱山区 has two, 枣庄市市中区 three.
CREATE OR REPLACE MACRO _county_fact(s VARCHAR) AS
coalesce(
    _county_spelt(regexp_extract(s, '^[^区县市]{0,12}[区县市][^区县市]{0,12}[区县市]')),
    _county_spelt(regexp_extract(s, '^[^区县市]{0,12}[区县市]')),
    _county_spelt(regexp_extract(
        s, '^[^区县市]{0,12}[区县市][^区县市]{0,12}[区县市][^区县市]{0,12}[区县市]'
    ))
);

-- What stands behind the county, or all of it where no known one is named.
CREATE OR REPLACE MACRO _behind_county(s VARCHAR) AS
substr(s, coalesce(CAST(substr(_county_fact(s), 1, 2) AS INTEGER), 0) + 1);

-- Province and city before a county of the tables go, its aliases and the names of counties it took the place of become
-- its own: the short and the long form of one place compare equal. An address elsewhere keeps all it says.
CREATE OR REPLACE MACRO normalise_address(t VARCHAR) AS
coalesce(substr(_county_fact(_address_text(t)), 9), '') || _behind_county(_address_text(t));

CREATE OR REPLACE MACRO address_county(t VARCHAR) AS substr(_county_fact(_address_text(t)), 9);

CREATE OR REPLACE MACRO address_township(t VARCHAR) AS
nullif(regexp_extract(_behind_county(_address_text(t)), '^[^0-9]{1,9}?(?:街道|镇|乡)'), '');

CREATE OR REPLACE MACRO address_village(t VARCHAR) AS
nullif(regexp_extract(
    _behind_county(_address_text(t)),
    '^(?:[^0-9]{1,9}?(?:街道|镇|乡)(?:办事处)?)?([^0-9-]{1,20}?(?:社区|村|居委会|居民委员会)(?:社区|村)?)',
    1
), '');
