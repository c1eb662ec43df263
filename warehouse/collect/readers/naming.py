"""Many names in one sentence: some of them, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 20


def named(names: Sequence[str], unit: str = "列") -> str:
    """The names as a Chinese list, `甲、乙`; of more than twenty the first twenty: `甲、乙……等共 3,000 列`.

    Args:
        names: the names.
        unit: the word with which they are counted.
    """
    if len(names) <= MOST:
        return "、".join(names)
    return f"{'、'.join(names[:MOST])}……等共 {len(names):,} {unit}"
