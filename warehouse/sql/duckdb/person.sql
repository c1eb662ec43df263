-- A person's name and age.

-- Chinese characters of every plane, including 〇, and · inside the names of many ethnic groups. Characters of the
-- private-use area fail, because another computer shows other glyphs. NULL for NULL.
CREATE OR REPLACE MACRO is_person_name(t VARCHAR) AS
    length(t) BETWEEN 2 AND 50
    AND regexp_matches(
        t,
        '^[\x{3007}\x{3400}-\x{4DBF}\x{4E00}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{3FFFF}]+'
        || '(?:·[\x{3007}\x{3400}-\x{4DBF}\x{4E00}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{3FFFF}]+)*$'
    );

-- Removes blanks inside a Chinese name (张　三); every dot becomes the middle dot U+00B7 of identity cards. A name in
-- Latin letters keeps blanks and dots.
-- A name of two to four Chinese characters stays, unless it begins like a word for "missing": 不 无 暂 未 没 空.
CREATE OR REPLACE MACRO normalise_person_name(t VARCHAR) AS
CASE
    WHEN regexp_matches(
        t,
        '^[\x{4E00}-\x{4E0C}\x{4E0E}-\x{65DF}\x{65E1}-\x{6681}\x{6683}-\x{6729}\x{672B}-\x{6CA0}\x{6CA2}-\x{7A79}'
        || '\x{7A7B}-\x{9FFF}][\x{4E00}-\x{9FFF}]{1,3}$'
    )
    THEN t
    WHEN regexp_matches(t, '[A-Za-zＡ-Ｚａ-ｚ]') THEN clean_text(t)
    ELSE regexp_replace(_without(t, '[ ''‘’`"=]'), '[‧•・･.∙⋅●]', '·', 'g')
END;

-- Whole years on `day` of a person born on `birth`; a year is complete on the birthday. A person born on 29 February
-- has the birthday on 28 February in common years: if the month lacks the day, its last day counts
-- (Civil Code, article 202), which is how date_sub counts. -1 for every day before birth.
CREATE OR REPLACE MACRO age_at(birth DATE, day DATE) AS
CASE WHEN day < birth THEN -1 ELSE date_sub('year', birth, day) END;
