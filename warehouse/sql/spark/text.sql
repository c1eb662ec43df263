-- Text as people and spreadsheets leave it, made plain; what each step means is told in the DuckDB file of this name.
-- Java's patterns: \z is the end (`$` would also stand before a last line break), \x27 an apostrophe.

-- What stood in the ="..." by which spreadsheets keep a number text. A function of its own, as are other steps here,
-- binds its argument once; Spark takes no lambda around or inside a function of ours.
CREATE OR REPLACE TEMPORARY FUNCTION _unquoted(t STRING) RETURNS STRING RETURN
CASE WHEN t RLIKE r'^="[^"]*"\z' THEN regexp_extract(t, r'^="[ \x27‘’`]*([^"]*?) ?"\z', 1) ELSE t END;

CREATE OR REPLACE TEMPORARY FUNCTION tidy_text(t STRING) RETURNS STRING RETURN
CASE
    WHEN t RLIKE (
        r'[\x{00}-\x{1F}\x{7F}-\x{A0}\x{AD}\x{1680}\x{2000}-\x{2013}\x{2028}-\x{202F}\x{205F}-\x{206F}]'
        || r'|[\x{2212}\x{3000}\x{FEFF}\x{FF01}-\x{FF5E}]|^[ \x27‘’`=]|  | \z'
    )
    THEN _unquoted(regexp_replace(
        regexp_replace(
            translate(
                regexp_replace(
                    t,
                    r'[\x{AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{206F}\x{FEFF}]+', ''
                ),
                '０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ'
                || 'ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ＋－．／＃％＆＇＊＝＠＿‐‑‒–−',
                '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'
                || 'abcdefghijklmnopqrstuvwxyz+-./#%&\'*=@_-----'
            ),
            r'[\x{00}-\x{20}\x{7F}-\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]+',
            ' '
        ),
        r'^[ \x27‘’`]+| \z', ''
    ))
    ELSE t
END;

CREATE OR REPLACE TEMPORARY FUNCTION _present(t STRING) RETURNS STRING RETURN
nullif(
    regexp_replace(
        t,
        r'(?iu)^(?:[-—―─_/\\、.…‥]+|无|空|暂无|没有|未知|不详|不明|未填|未填写|未登记|[(（](?:无|空|空白|null)[)）]'
        || r'|null|none|nil|nan|nat|n/?a|undefined'
        || r'|#n/a|#null!|#ref!|#value!|#name[?]|#num!|#div/0!)\z',
        ''
    ),
    ''
);

CREATE OR REPLACE TEMPORARY FUNCTION clean_text(t STRING) RETURNS STRING RETURN _present(tidy_text(t));

CREATE OR REPLACE TEMPORARY FUNCTION _without(t STRING, marks STRING) RETURNS STRING RETURN
_present(regexp_replace(tidy_text(t), marks, ''));

CREATE OR REPLACE TEMPORARY FUNCTION is_rounded_number(t STRING) RETURNS BOOLEAN RETURN
tidy_text(t) RLIKE r'^[1-9](?:[.][0-9]{1,16})?[Ee][+]?(?:1[1-9]|2[0-9])\z|^[1-9][0-9]{14}0{3,9}(?:[.]0+)?\z';

-- A number as Java writes it, as DuckDB writes it: 1.0E7 is 10000000.0, 1.0E-5 is 1e-05, 1.5E16 is 1.5e+16.
CREATE OR REPLACE TEMPORARY FUNCTION _double_text(t STRING) RETURNS STRING RETURN
CASE
    WHEN t NOT LIKE '%E%' THEN t
    WHEN CAST(substring_index(t, 'E', -1) AS INT) BETWEEN 0 AND 15 OR CAST(substring_index(t, 'E', -1) AS INT) = -4
    THEN regexp_replace(regexp_replace(
        CAST(CAST(t AS DECIMAL(38, 21)) AS STRING), r'0+\z', ''
    ), r'[.]\z', '.0')
    ELSE regexp_replace(substring_index(t, 'E', 1), r'[.]0\z', '')
        || 'e' || CASE WHEN t LIKE '%E-%' THEN '-' ELSE '+' END
        || lpad(
            replace(substring_index(t, 'E', -1), '-', ''),
            greatest(2, length(replace(substring_index(t, 'E', -1), '-', ''))), '0'
        )
END;
