-- Addresses: 山东省烟台市莱山区黄海路街道某某社区3号楼1单元101室. What they call the places is in the tables of places.sql.

-- Blanks out, brackets full-width, 3# is 3号. Nearly all addresses need none of it and pay for one expression only.
CREATE OR REPLACE MACRO _address_text(t) AS
CASE
    WHEN regexp_matches(t, '^[\x{4E00}-\x{9FFF}0-9A-Za-z]{4,}$') THEN t
    ELSE translate(_without(t, '[ ''‘’`"=]'), '(),#―—', '（），号--')
END;

-- What the code tables know, made anew with the tables of places.sql; until then nothing. Of a text without blanks the
-- spelling of a county that it begins with, or nothing ('');
CREATE OR REPLACE MACRO _county_spelt(s) AS substr(s, 1, 0);

-- the county's full name in use, '' for none;
CREATE OR REPLACE MACRO _county_label(spelt) AS substr(spelt, 1, 0);

-- without the province and city that it may begin with;
CREATE OR REPLACE MACRO _without_city(s) AS s;

-- where the table of places has a name, one of the usual or one of the others, and the code that stands there.
CREATE OR REPLACE MACRO _place_number(name) AS CAST(NULL AS BIGINT);

CREATE OR REPLACE MACRO _other_place_number(name) AS CAST(NULL AS BIGINT);

CREATE OR REPLACE MACRO _place_code(number) AS CAST(NULL AS VARCHAR);

-- What stands behind the county, or all of it where no known one is named.
CREATE OR REPLACE MACRO _behind_county(s) AS substr(s, length(_county_spelt(s)) + 1);

-- Province and city before a county of the tables go, its aliases and the names of counties it took the place of become
-- its own: the short and the long form of one place compare equal. An address elsewhere keeps all it says. Nothing here
-- stands in a CASE, where DuckDB would compute it as often as it is written.
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

-- What may name a village: all before a number, or up to the last 村 or 社区 there. That of a township (桃村镇大庄) is none.
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

-- What of it may be a name of the table, the deepest first: a village, by its first 社区 too and where it is called 居委会;
-- a township, which may be called otherwise than most; a county.
CREATE OR REPLACE MACRO _place_names(p) AS [
    _before_number(p),
    _up_to_village(p),
    regexp_extract(p, '^[^0-9-]+?社区'),
    regexp_extract(p, '^([^0-9-]+?)(?:居委会|居民委员会)', 1) || '社区',
    regexp_extract(p, '^[^0-9]{2,24}?(?:街道|镇|乡)'),
    regexp_extract(p, '^[^0-9]{2,24}?(?:[镇乡]镇|苏木|[农林]场|(?:开发|园|工业|加工|度假|管理|示范|矿|新)区)'),
    _county_spelt(p)
];

-- Nearly all addresses are clean and name a village by its usual name: they pay for an expression and a look-up, or two.
-- The others cost ten times as much.
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
