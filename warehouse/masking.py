"""Masking: what a person who only watches the machine may see of a table with resident data.

By classification: L1 and L2 as they are, L3 the first character, L4 nothing but the length.
"""

from __future__ import annotations

from schemas.contract import Classification
from schemas.emit.sql import quote


def masked(name: str, classification: Classification) -> str:
    """The SQL that shows a column as far as its classification allows."""
    text = f"CAST({quote(name)} AS VARCHAR)"
    if classification in ("L1", "L2"):
        return f"{text} AS {quote(name)}"
    if classification == "L3":
        return f"concat(left({text}, 1), repeat('*', least(length({text}), 8) - 1)) AS {quote(name)}"
    return f"repeat('*', least(length({text}), 8)) AS {quote(name)}"
