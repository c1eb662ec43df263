-- The unified social credit code (GB 32100-2015); see the DuckDB file of this name.

CREATE OR REPLACE TEMPORARY FUNCTION normalise_code(t STRING) RETURNS STRING RETURN
upper(_without(t, r'[ \x27‘’`"=-]|[.]0+\z'));

-- MOD 31 over 17 places: the value of a character is its position in the standard's alphabet, the weights 3^(i-1) mod 31.
CREATE OR REPLACE TEMPORARY FUNCTION uscc_check_character(t STRING) RETURNS STRING RETURN
CASE
    WHEN t RLIKE '^[0-9A-HJ-NP-RTUWXY]{17}'
    THEN substr('0123456789ABCDEFGHJKLMNPQRTUWXY', (31 - (
        1 * (locate(substr(t, 1, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 3 * (locate(substr(t, 2, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 9 * (locate(substr(t, 3, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 27 * (locate(substr(t, 4, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 19 * (locate(substr(t, 5, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 26 * (locate(substr(t, 6, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 16 * (locate(substr(t, 7, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 17 * (locate(substr(t, 8, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 20 * (locate(substr(t, 9, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 29 * (locate(substr(t, 10, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 25 * (locate(substr(t, 11, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 13 * (locate(substr(t, 12, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 8 * (locate(substr(t, 13, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 24 * (locate(substr(t, 14, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 10 * (locate(substr(t, 15, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 30 * (locate(substr(t, 16, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
        + 28 * (locate(substr(t, 17, 1), '0123456789ABCDEFGHJKLMNPQRTUWXY') - 1)
    ) % 31) % 31 + 1, 1)
END;

CREATE OR REPLACE TEMPORARY FUNCTION is_uscc_form(t STRING) RETURNS BOOLEAN RETURN
t RLIKE r'^[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}\z';

CREATE OR REPLACE TEMPORARY FUNCTION is_uscc(t STRING) RETURNS BOOLEAN RETURN
    is_uscc_form(t) AND substr(t, 18, 1) = uscc_check_character(t);
