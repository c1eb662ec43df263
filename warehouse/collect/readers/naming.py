"""Long lists of names in one sentence: the first names, and how many names there are."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 20


def named(names: Sequence[str], unit: str = "列") -> str:
    """Write names as a Chinese list, `甲、乙`; from more than twenty only the first twenty: `甲、乙……等共 3,000 列`.

    Args:
        names: the names.
        unit: the Chinese measure word for the names.
    """
    if len(names) <= MOST:
        return "、".join(names)
    return f"{'、'.join(names[:MOST])}……等共 {len(names):,} {unit}"
