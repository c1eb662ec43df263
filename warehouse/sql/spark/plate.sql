-- Number plates of motor vehicles (GA 36); see the DuckDB file of this name.

CREATE OR REPLACE TEMPORARY FUNCTION normalise_plate(t STRING) RETURNS STRING RETURN
upper(_without(t, r'[ \x27‘’`"=·•‧・･.∙⋅●—-]'));

-- In RE2 the dot is any character except a line feed.
CREATE OR REPLACE TEMPORARY FUNCTION is_plate(t STRING) RETURNS BOOLEAN RETURN
    t RLIKE (
        r'(?d)^(?:.[A-HJ-Z](?:[A-HJ-NP-Z0-9]{5}|[A-HJ-NP-Z0-9]{4}[挂学警港澳试超领]'
        || r'|[A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJK])|.[0-9]{5}领|使[0-9]{6})\z'
    )
    AND (
        t RLIKE r'^(?:[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][0-9]|使)'
        OR substr(t, 1, 2) IN (SELECT plate.code FROM codes__plate_prefix AS plate)
    );
