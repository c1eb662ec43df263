-- Text as people and spreadsheets leave it, made plain. Every other function builds on these two.
-- The parameters of steps, here and in all files, have no types: DuckDB would bind what they are given twice, at every
-- step.

-- The shape only: no value is judged to be missing, so that a coded column whose label is 无 keeps it.
-- Full-width letters, digits and the marks used in codes become half-width; Chinese punctuation
-- （），。：； stays, it is part of official names. Blanks of every kind become one blank, invisible
-- marks go, as do the apostrophe and the ="..." by which spreadsheets keep a number text.
-- Clean text, which is nearly all of it, pays for one regular expression only. Here and in what builds on it each step
-- takes the text once: DuckDB compiles the regular expressions within a lambda anew for every 2,048 rows.
CREATE OR REPLACE MACRO _tidy(t) AS
CASE
    WHEN regexp_matches(
        t,
        '[\x{00}-\x{1F}\x{7F}-\x{A0}\x{AD}\x{1680}\x{2000}-\x{2013}\x{2028}-\x{202F}\x{205F}-\x{206F}]'
        || '|[\x{2212}\x{3000}\x{FEFF}\x{FF01}-\x{FF5E}]|^[ ''‘’`=]|  | $'
    )
    THEN regexp_replace(
        regexp_replace(
            regexp_replace(
                translate(
                    regexp_replace(
                        t,
                        '[\x{AD}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{206F}\x{FEFF}]+', '', 'g'
                    ),
                    '０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ'
                    || 'ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ＋－．／＃％＆＇＊＝＠＿‐‑‒–−',
                    '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'
                    || 'abcdefghijklmnopqrstuvwxyz+-./#%&''*=@_-----'
                ),
                '[\x{00}-\x{20}\x{7F}-\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]+',
                ' ', 'g'
            ),
            '^[ ''‘’`]+| $', '', 'g'
        ),
        '^="[ ''‘’`]*([^"]*?) ?"$', '\1'
    )
    ELSE t
END;

CREATE OR REPLACE MACRO tidy_text(t VARCHAR) AS _tidy(t);

-- NULL where tidy text only stands for "nothing here".
CREATE OR REPLACE MACRO _present(t) AS
nullif(
    regexp_replace(
        t,
        '(?i)^(?:[-—―─_/\\、.…‥]+|无|空|暂无|没有|未知|不详|不明|未填|未填写|未登记|[(（](?:无|空|空白|null)[)）]'
        || '|null|none|nil|nan|nat|n/?a|undefined'
        || '|#n/a|#null!|#ref!|#value!|#name[?]|#num!|#div/0!)$',
        ''
    ),
    ''
);

CREATE OR REPLACE MACRO clean_text(t VARCHAR) AS _present(_tidy(t));

-- Clean text of a code or a name without the characters of a class: blanks and quotes mean nothing there.
CREATE OR REPLACE MACRO _without(t, marks) AS
_present(regexp_replace(_tidy(t), marks, '', 'g'));

-- What a spreadsheet leaves of a long number: it keeps 15 digits, the others become zeros, and shows from twelve on
-- as 3.70602E+17. The lost digits cannot be restored. Nearly every number that ends otherwise was never one.
CREATE OR REPLACE MACRO is_rounded_number(t VARCHAR) AS
regexp_matches(
    _tidy(t), '^[1-9](?:[.][0-9]{1,16})?[Ee][+]?(?:1[1-9]|2[0-9])$|^[1-9][0-9]{14}0{3,9}(?:[.]0+)?$'
);
