-- Converts text to typed values; the DuckDB file of this name lists the spellings.

CREATE OR REPLACE TEMPORARY FUNCTION _full_year(t STRING) RETURNS STRING RETURN
CASE WHEN length(t) = 2 THEN CASE WHEN t < '30' THEN '20' ELSE '19' END ELSE '' END || t;

CREATE OR REPLACE TEMPORARY FUNCTION _tens(t STRING) RETURNS STRING RETURN
CASE WHEN startswith(t, '十') THEN '1' ELSE '' END
|| replace(t, '十', '')
|| CASE WHEN endswith(t, '十') THEN '0' ELSE '' END;

CREATE OR REPLACE TEMPORARY FUNCTION _date_of_numerals(t STRING) RETURNS DATE RETURN
CASE
    WHEN t RLIKE
        r'^(?:[1-9][0-9]{3}|[0-9]{2})年(?:[0-9]{1,2}|[0-9]?十[0-9]?)月(?:[0-9]{1,2}|[0-9]?十[0-9]?)[日号]?\z'
    THEN try_cast(
        _full_year(regexp_extract(t, r'^[0-9]+', 0))
        || '-' || _tens(regexp_extract(t, r'年(.+)月', 1))
        || '-' || _tens(regexp_extract(t, r'月([0-9十]+)', 1)) AS DATE
    )
END;

CREATE OR REPLACE TEMPORARY FUNCTION _date_of(t STRING) RETURNS DATE RETURN
coalesce(
    try_cast(regexp_replace(regexp_extract(
        t,
        r'^([1-9][0-9]{3}(?:-[0-9]{1,2}-|/[0-9]{1,2}/|[.][0-9]{1,2}[.]|年[0-9]{1,2}月)[0-9]{1,2})[日号]?'
        || r'(?:[ T](?:[01]?[0-9]|2[0-3])[:：时][0-5][0-9](?:[:：分](?:[0-5][0-9](?:[.][0-9]+)?秒?)?)?'
        || r'(?:[+]08:?00)?)?\z',
        1
    ), r'[年月/.]', '-') AS DATE),
    CASE
        WHEN t RLIKE r'^[1-9][0-9]{7}(?: ?(?:[01][0-9]|2[0-3]):?[0-5][0-9]:?[0-5][0-9])?\z'
        THEN try_cast(substr(t, 1, 4) || '-' || substr(t, 5, 2) || '-' || substr(t, 7, 2) AS DATE)
    END,
    date_add(DATE '1899-12-30', try_cast(regexp_extract(
        t, r'^([1-6][0-9]{4}|7[0-2][0-9]{3}|73[0-3][0-9]{2}|7340[0-9]|7341[0-5])(?:[.][0-9]+)?\z', 1
    ) AS INT)),
    CASE
        WHEN t RLIKE r'^[0-9]{2}(?:-[0-9]{1,2}-|[.][0-9]{1,2}[.])[0-9]{1,2}\z'
        THEN try_cast(_full_year(substr(t, 1, 2)) || replace(substr(t, 3), '.', '-') AS DATE)
        WHEN t RLIKE r'年.+月'
        THEN _date_of_numerals(translate(
            replace(replace(replace(t, '元月', '1月'), '廿', '二十'), '卅', '三十'),
            '〇○◯零Oo一二三四五六七八九', '000000123456789'
        ))
    END
);

CREATE OR REPLACE TEMPORARY FUNCTION parse_date(t STRING) RETURNS DATE RETURN
CASE
    WHEN t RLIKE r'^[1-9][0-9]{7}\z'
    THEN try_cast(substr(t, 1, 4) || '-' || substr(t, 5, 2) || '-' || substr(t, 7, 2) AS DATE)
    WHEN t RLIKE r'^[1-9][0-9]{3}(?:-[0-9]{1,2}-|/[0-9]{1,2}/)[0-9]{1,2}\z'
    THEN try_cast(replace(t, '/', '-') AS DATE)
    ELSE _date_of(clean_text(t))
END;

-- A time of day, from seconds.
CREATE OR REPLACE TEMPORARY FUNCTION _clock(s BIGINT) RETURNS STRING RETURN
lpad(CAST(s div 3600 AS STRING), 2, '0') || ':' || lpad(CAST(s div 60 % 60 AS STRING), 2, '0')
|| ':' || lpad(CAST(s % 60 AS STRING), 2, '0');

CREATE OR REPLACE TEMPORARY FUNCTION _timestamp_of(t STRING) RETURNS TIMESTAMP_NTZ RETURN
try_cast(CAST(parse_date(t) AS STRING) || ' ' || CASE
    WHEN t RLIKE r'^[0-9]{8} ?[0-9]{6}\z'
    THEN substr(right(t, 6), 1, 2) || ':' || substr(right(t, 6), 3, 2) || ':' || right(t, 2)
    WHEN t RLIKE '[0-9]{1,2}[:：时][0-9]{2}'
    THEN right('0' || regexp_extract(t, '([0-9]{1,2})[:：时][0-9]{2}', 1), 2)
        || ':' || regexp_extract(t, '[0-9][:：时]([0-9]{2})', 1)
        || ':' || coalesce(nullif(
            regexp_extract(t, '[0-9][:：时][0-9]{2}[:：分]([0-9]{2}(?:[.][0-9]{1,6})?)', 1), ''
        ), '00')
    WHEN t RLIKE r'^[1-7][0-9]{4}[.][0-9]+\z'
    THEN _clock(least(
        CAST(round(try_cast('0.' || regexp_extract(t, '[.]([0-9]+)$', 1) AS DOUBLE) * 86400) AS BIGINT), 86399
    ))
    ELSE '00:00:00'
END AS TIMESTAMP_NTZ);

CREATE OR REPLACE TEMPORARY FUNCTION parse_timestamp(t STRING) RETURNS TIMESTAMP_NTZ RETURN
_timestamp_of(clean_text(t));

CREATE OR REPLACE TEMPORARY FUNCTION parse_number(t STRING) RETURNS DOUBLE RETURN
CASE
    WHEN t RLIKE r'^-?[0-9]{1,15}(?:[.][0-9]+)?\z'
    THEN try_cast(t AS DOUBLE)
    ELSE try_cast(regexp_replace(regexp_extract(
        clean_text(t),
        r'^[+-]?(?:[1-9][0-9]{0,2}(?:(?:[,，][0-9]{3}){1,4}|(?: [0-9]{3}){1,4})(?:[.][0-9]*)?'
        || r'|[0-9]{1,15}0{0,15}(?:[.][0-9]*)?|[.][0-9]+)'
        || r'(?:[eE][+-]?[0-9]{1,2})?\z',
        0
    ), '[,， ]', '') AS DOUBLE)
END;

CREATE OR REPLACE TEMPORARY FUNCTION parse_integer(t STRING) RETURNS BIGINT RETURN
CASE
    WHEN t RLIKE r'^-?[0-9]{1,18}\z'
    THEN try_cast(t AS BIGINT)
    ELSE try_cast(regexp_replace(regexp_extract(
        clean_text(t),
        r'^([+-]?(?:[1-9][0-9]{0,2}(?:(?:[,，][0-9]{3})+|(?: [0-9]{3})+)|[0-9]+))(?:[.]0*)?\z',
        1
    ), '[,， ]', '') AS BIGINT)
END;

CREATE OR REPLACE TEMPORARY FUNCTION parse_boolean(t STRING) RETURNS BOOLEAN RETURN
CASE
    WHEN tidy_text(t) RLIKE r'(?iu)^(?:是|有|对|1|true|t|yes|y|√|✓)\z' THEN TRUE
    WHEN tidy_text(t) RLIKE r'(?iu)^(?:否|无|没有|不是|错|0|false|f|no|n|×|✗)\z' THEN FALSE
END;
