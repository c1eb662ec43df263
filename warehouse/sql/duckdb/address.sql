-- Addresses: 山东省烟台市莱山区黄海路街道某某社区3号楼1单元101室. The tables of places.sql hold the names of places in addresses.

-- Removes blanks, makes brackets full-width, writes 3# as 3号. Nearly all addresses need no change and cost one test only.
CREATE OR REPLACE MACRO _address_text(t) AS
CASE
    WHEN regexp_matches(t, '^[\x{4E00}-\x{9FFF}0-9A-Za-z]{4,}$') THEN t
    ELSE translate(_without(t, '[ ''‘’`"=]'), '(),#―—', '（），号--')
END;

-- The next macros look into the code tables. They are replaced when places.sql has run; until then they find nothing.
-- The spelling of a county at the beginning of a text without blanks, or '';
CREATE OR REPLACE MACRO _county_spelt(s) AS substr(s, 1, 0);

-- the full name of the county in use, or '';
CREATE OR REPLACE MACRO _county_label(spelt) AS substr(spelt, 1, 0);

-- the text without province and city at its beginning;
CREATE OR REPLACE MACRO _without_city(s) AS s;

-- the position of a name in the table of places (usual names, other names), and the code at a position.
CREATE OR REPLACE MACRO _place_number(name) AS CAST(NULL AS BIGINT);

CREATE OR REPLACE MACRO _other_place_number(name) AS CAST(NULL AS BIGINT);

CREATE OR REPLACE MACRO _place_code(number) AS CAST(NULL AS VARCHAR);

-- The text behind the county, or the whole text if it names no known county.
CREATE OR REPLACE MACRO _behind_county(s) AS substr(s, length(_county_spelt(s)) + 1);

-- Removes province and city before a known county, and replaces its aliases and the names of its closed predecessors by
-- its own name, so that the short and the long form of a place are equal. An address outside the tables stays. There is
-- no CASE here: DuckDB would compute a repeated expression in a CASE repeatedly.
CREATE OR REPLACE MACRO _address_joined(s) AS _county_label(_county_spelt(s)) || _behind_county(s);

CREATE OR REPLACE MACRO normalise_address(t VARCHAR) AS _address_joined(_address_text(t));

CREATE OR REPLACE MACRO address_county(t VARCHAR) AS nullif(_county_label(_county_spelt(_address_text(t))), '');

CREATE OR REPLACE MACRO address_township(t VARCHAR) AS
nullif(regexp_extract(_behind_county(_address_text(t)), '^[^0-9]{1,9}?(?:街道|镇|乡)'), '');

CREATE OR REPLACE MACRO address_village(t VARCHAR) AS
nullif(regexp_extract(
    _behind_county(_address_text(t)),
    '^(?:[^0-9]{1,9}?(?:街道|镇|乡)(?:办事处)?)?([^0-9-]{1,20}?(?:社区|村|居委会|居民委员会)(?:社区|村)?)',
    1
), '');

-- Candidates for a village's name: the text before a number, or up to the last 村 or 社区 in it. The 村 of a township's
-- name (桃村镇大庄) does not count.
CREATE OR REPLACE MACRO _before_number(s) AS regexp_extract(s, '^[^0-9-]+');

CREATE OR REPLACE MACRO _up_to_village(s) AS
regexp_extract(
    s, '^(?:[^0-9-]*?(?:街道|镇|乡)(?:[^0-9-]*(?:村|社区)|[^0-9-]*)|[^0-9-]*(?:村|社区))'
);

-- An address as the table of places writes it: without province and city, 黄海路街道办事处 and 黄海路办事处 as 黄海路街道, 舒郝村村委会
-- as 舒郝村.
CREATE OR REPLACE MACRO _place_text(s) AS
_without_city(replace(
    regexp_replace(
        _address_joined(s), '(街道|镇|乡)(?:办事处|人民政府)|(村)(?:村民委员会|村委会)', '\1\2', 'g'
    ),
    '办事处', '街道'
));

-- The candidates for names of the table, the deepest level first: a village (also up to its first 社区, also as 居委会),
-- a township (also with an unusual ending), a county.
CREATE OR REPLACE MACRO _place_names(p) AS [
    _before_number(p),
    _up_to_village(p),
    regexp_extract(p, '^[^0-9-]+?社区'),
    regexp_extract(p, '^([^0-9-]+?)(?:居委会|居民委员会)', 1) || '社区',
    regexp_extract(p, '^[^0-9]{2,24}?(?:街道|镇|乡)'),
    regexp_extract(p, '^[^0-9]{2,24}?(?:[镇乡]镇|苏木|[农林]场|(?:开发|园|工业|加工|度假|管理|示范|矿|新)区)'),
    _county_spelt(p)
];

-- Nearly all addresses are clean and name a village by its usual name: they cost an expression and one or two look-ups.
-- The other addresses cost ten times as much.
CREATE OR REPLACE MACRO address_division(t VARCHAR) AS
_place_code(coalesce(
    _place_number(_before_number(_without_city(t))),
    _place_number(_up_to_village(_without_city(t))),
    list_extract(list_filter(
        list_transform(
            list_extract(list_transform([_place_text(_address_text(t))], lambda p: _place_names(p)), 1),
            lambda name: coalesce(_place_number(name), _other_place_number(name))
        ),
        lambda number: number IS NOT NULL
    ), 1)
));
