"""Number formats of a workbook: what a person sees in a cell with a number.

XLSX (ECMA-376 part 1, 18.8.30 and 18.8.31) and XLS ([MS-XLS] 2.4.126) use the same format codes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache


class Shows(Enum):
    """The kind of text that a number format makes from a number."""

    NUMBER = "the number itself, in whatever spelling"
    MOMENT = "a day, a time of day, or both"
    DURATION = "hours, minutes or seconds that passed: [h]:mm"
    PERCENT = "the number times a hundred, with a percent sign"
    PADDED = "a whole number with zeros in front, perhaps in groups: 000000, 000-0000"
    OTHER = "words or characters that are not in the number, or nothing at all"


@dataclass(frozen=True)
class NumberFormat:
    """A number format.

    Attributes:
        code: the code in the file.
        shows: the kind of text that it makes.
        groups: only for PADDED: for each group of digits the text before it and its number of digits.
    """

    code: str
    shows: Shows
    groups: tuple[tuple[str, int], ...] = ()


# Built-in formats that are not plain numbers, by their ids. 27 to 36 and 50 to 58 are dates of East Asian editions, 71
# to 81 formats of the Thai edition (ECMA-376 part 1, 18.8.30).
_BUILT_IN: dict[int, str] = {
    9: "0%",
    10: "0.00%",
    **dict.fromkeys((14, *range(15, 18), 22, 27, 28, 29, 30, 31, 36, *range(50, 55), 57, 58), "yyyy-mm-dd"),
    **dict.fromkeys((*range(18, 22), *range(32, 36), 45, 47, 55, 56, 78, 80), "h:mm:ss"),
    46: "[h]:mm:ss",
    67: "0%",
    68: "0.00%",
    **dict.fromkeys((*range(71, 78), 81), "yyyy-mm-dd"),
    79: "[h]:mm:ss",
}
GENERAL = NumberFormat("General", Shows.NUMBER)

# Names of General in Chinese editions.
_GENERAL = re.compile(r"(?:general|g/通用格式|通用格式|标准|g/標準|standard|@)?", re.IGNORECASE)
# Text in quotes, or a character behind a backslash or an East Asian exclamation mark. Below: blanks as wide as a
# character, and characters that fill the cell.
_LITERAL = re.compile(r'"([^"]*)"|[\\!](.)')
_FILLER = re.compile(r"[_*].")
_BRACKETS = re.compile(r"\[([^\]]*)\]")
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_CURRENCY = re.compile(r"\$([^-\]]*)")
_HALF_DAY = re.compile(r"am/pm|a/p|上午/下午|午前/午後", re.IGNORECASE)
_EXPONENT = re.compile(r"e[+-]", re.IGNORECASE)
# Years (also of an era or the Buddhist calendar), months, days, weekdays, hours, seconds.
_MOMENT = re.compile(r"[ymdhsegb]|a{3,4}", re.IGNORECASE)
_WORDS = re.compile(r"[0-9A-Za-z\u3400-\u9fff]")
_SEPARATED = re.compile(r"(?:[- /.()]*0+)+[)]?")


@lru_cache
def built_in(number: int) -> NumberFormat:
    """The built-in format with an id for which the file gives no code."""
    return number_format(_BUILT_IN[number]) if number in _BUILT_IN else GENERAL


@lru_cache(maxsize=4096)
def number_format(code: str) -> NumberFormat:
    """Parse a format code; the section for positive numbers decides.

    Examples: `yyyy"年"m"月"` is a moment, `[h]:mm` a duration, `0.0%` a percentage, `000000` a padded number,
    `"已办";"未办"` OTHER.
    """
    if _GENERAL.fullmatch(code.strip()):
        return NumberFormat(code, Shows.NUMBER)
    section = _first_section(code)
    elapsed = any(_ELAPSED.fullmatch(text) for text in _BRACKETS.findall(_LITERAL.sub("", section)))
    if elapsed:
        return NumberFormat(code, Shows.DURATION)
    bare = _FILLER.sub("", _BRACKETS.sub("", _LITERAL.sub("", section)))
    if _GENERAL.fullmatch(bare.strip()) and bare.strip():
        return NumberFormat(code, _worded(section))
    digits = any(mark in bare for mark in "0#?")
    if _HALF_DAY.search(bare) or (
        _MOMENT.search(_EXPONENT.sub("", bare)) and not ("0" in bare and "#" in bare)
    ):
        return NumberFormat(code, Shows.MOMENT)
    if not digits:
        return NumberFormat(code, Shows.OTHER)
    if "%" in bare:
        return NumberFormat(code, Shows.PERCENT)
    if groups := _groups(section):
        return NumberFormat(code, Shows.PADDED, groups)
    return NumberFormat(code, _worded(section))


def _first_section(code: str) -> str:
    """The part of a code before the first semicolon outside quotes."""
    for match in re.finditer(r'"[^"]*"|[\\!].|;', code):
        if match[0] == ";":
            return code[: match.start()]
    return code


def _worded(section: str) -> Shows:
    """OTHER if letters or digits stand in the text before the number, or ASCII letters or digits behind it.

    A unit such as `0"人"` does not belong to the number; `"A"0000` shows a code, and the number is only a part of it.
    """
    seen = _LITERAL.sub(lambda found: f"\0{found[1] or found[2] or ''}\0", section)
    seen = _FILLER.sub("", _BRACKETS.sub("", seen))
    pieces = seen.split("\0")
    before, behind, placed = "", "", False
    for number, piece in enumerate(pieces):
        literal = number % 2 == 1
        placed = placed or (not literal and re.search(r"[0#?]|general", piece, re.IGNORECASE) is not None)
        if literal and placed:
            behind += piece
        elif literal:
            before += piece
    odd = _WORDS.search(before) or re.search(r"[0-9A-Za-z]", behind)
    return Shows.OTHER if odd else Shows.NUMBER


def _groups(section: str) -> tuple[tuple[str, int], ...]:
    """The groups of digits of a padded number: `000-0000` gives ('', 3), ('-', 4); empty for other formats."""
    plain = _FILLER.sub("", _BRACKETS.sub("", section))
    plain = _LITERAL.sub(lambda found: found[1] if found[1] is not None else found[2], plain).strip()
    if not _SEPARATED.fullmatch(plain) or plain.endswith(")") or "." in plain or plain.count("0") < 2:
        return ()
    return tuple((before, len(zeros)) for before, zeros in re.findall(r"([^0]*)(0+)", plain))
