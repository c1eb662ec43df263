-- A person's name and age; see the DuckDB file of this name.

CREATE OR REPLACE TEMPORARY FUNCTION is_person_name(t STRING) RETURNS BOOLEAN RETURN
    length(t) BETWEEN 2 AND 50
    AND t RLIKE (
        r'^[\x{3007}\x{3400}-\x{4DBF}\x{4E00}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{3FFFF}]+'
        || r'(?:·[\x{3007}\x{3400}-\x{4DBF}\x{4E00}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{3FFFF}]+)*\z'
    );

CREATE OR REPLACE TEMPORARY FUNCTION normalise_person_name(t STRING) RETURNS STRING RETURN
CASE
    WHEN t RLIKE '[A-Za-zＡ-Ｚａ-ｚ]' THEN clean_text(t)
    ELSE regexp_replace(_without(t, r'[ \x27‘’`"=]'), '[‧•・･.∙⋅●]', '·')
END;

CREATE OR REPLACE TEMPORARY FUNCTION age_at(birth DATE, day DATE) RETURNS BIGINT RETURN
CASE
    WHEN day < birth THEN -1
    ELSE year(day) - year(birth) - CASE
        WHEN month(day) * 100 + dayofmonth(day)
            < month(birth) * 100 + least(dayofmonth(birth), dayofmonth(last_day(day))) THEN 1
        ELSE 0
    END
END;
