"""Masking: what a person who only watches the machine may see of a table with resident data.

By classification: L1 and L2 as they are, L3 the first character, L4 nothing but the length. What is left of a
delivered text is shown in pages: characters that HTML or Markdown would obey are written as entities.
"""

from __future__ import annotations

from schemas.contract.model import Classification
from schemas.emit.sql import literal, quote

# Longer values look alike: a length is a fact too.
MOST_MARKS = 8
MARK = "＊"

# & comes first: what stands for the others begins with it. The # in it means nothing inside a line.
_OBEYED = "&<>\"'`|*_~[]()!\\"


def masked(name: str, classification: Classification) -> str:
    """The SQL that shows a column as far as its classification allows, safe to stand in a page."""
    text = f"CAST({quote(name)} AS VARCHAR)"
    marks = f"repeat({literal(MARK)}, CAST(least(length({text}), {MOST_MARKS}) AS BIGINT))"
    if classification in ("L1", "L2"):
        shown = _inert(text)
    elif classification == "L3":
        # Of a single character the first one would be all.
        shown = f"CASE WHEN length({text}) > 1 THEN {_inert(f'left({text}, 1)')} || substr({marks}, 2) ELSE {marks} END"
    else:
        shown = marks
    return f"{shown} AS {quote(name)}"


def _inert(text: str) -> str:
    """The SQL that writes a text so that a page shows it and does nothing else; lines become one."""
    inert = f"regexp_replace({text}, '[\\x00-\\x1F\\x7F]+', ' ', 'g')"
    for character in _OBEYED:
        inert = f"replace({inert}, {literal(character)}, '&#{ord(character)};')"
    return inert
