-- Number plates of motor vehicles (GA 36): a character for the province, a letter for the place, then five characters
-- without I and O. The last character may be the use (挂 trailer, 学 lessons, 警 police, 港, 澳, 试, 超, 领).
-- New-energy plates have six characters, with D, A, B, C, E (electric only) or F, G, H, J, K before or after the digits.
-- Embassies have 使 and six digits. Plates of the armed forces are not civil plates.

-- Removes blanks, dots and dashes; writes letters as capitals.
CREATE OR REPLACE MACRO normalise_plate(t VARCHAR) AS
upper(_without(t, '[ ''‘’`"=·•‧・･.∙⋅●—-]'));

-- Takes normalised text: checks the form, and that the place issues plates.
CREATE OR REPLACE MACRO is_plate(t VARCHAR) AS
    regexp_matches(
        t,
        '^(?:.[A-HJ-Z](?:[A-HJ-NP-Z0-9]{5}|[A-HJ-NP-Z0-9]{4}[挂学警港澳试超领]'
        || '|[A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJK])|.[0-9]{5}领|使[0-9]{6})$'
    )
    AND (
        regexp_matches(t, '^(?:[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][0-9]|使)')
        OR substr(t, 1, 2) IN (SELECT plate.code FROM codes.plate_prefix AS plate)
    );
