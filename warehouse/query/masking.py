"""Masking: the part of resident data that a person who only operates the machine may see.

By classification: L1 and L2 are shown, L3 shows the first character, L4 shows the length. The masked text appears in
pages: characters with a meaning in HTML or Markdown are written as entities.
"""

from __future__ import annotations

from schemas.contract.model import Classification
from schemas.emit.sql import literal, quote

# Longer values get this number of marks, because a length is a fact too.
MOST_MARKS = 8
MARK = "＊"

# & comes first, because the entities of the other characters begin with it. A # inside a line has no meaning.
_OBEYED = "&<>\"'`|*_~[]()!\\"


def masked(name: str, classification: Classification) -> str:
    """The SQL that shows a column as far as its classification allows, safe for a page."""
    text = f"CAST({quote(name)} AS VARCHAR)"
    marks = f"repeat({literal(MARK)}, CAST(least(length({text}), {MOST_MARKS}) AS BIGINT))"
    if classification in ("L1", "L2"):
        shown = _inert(text)
    elif classification == "L3":
        # The first character of a text of one character would be the whole text.
        shown = f"CASE WHEN length({text}) > 1 THEN {_inert(f'left({text}, 1)')} || substr({marks}, 2) ELSE {marks} END"
    else:
        shown = marks
    return f"{shown} AS {quote(name)}"


def _inert(text: str) -> str:
    """The SQL that escapes a text, so that a page only shows it; line breaks are removed."""
    inert = f"regexp_replace({text}, '[\\x00-\\x1F\\x7F]+', ' ', 'g')"
    for character in _OBEYED:
        inert = f"replace({inert}, {literal(character)}, '&#{ord(character)};')"
    return inert
