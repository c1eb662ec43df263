"""The sizes at which the lake changes its ways: one value that is handed in, so that tests can choose either way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """When a table is made anew rather than amended, and when its patches are merged.

    Attributes:
        few_rows: a table that reads no more rows than this is made anew: planning a statement that spares most rows
            takes longer.
        affected_share: a table of which a larger share may differ is made anew.
        changed_share: a table of which a larger share differs is written anew; patches that change a larger share of
            their first file are merged with it.
        patches: more patches than this are merged.
    """

    few_rows: int = 20_000
    affected_share: float = 0.5
    changed_share: float = 0.2
    patches: int = 30

    def are_few(self, rows: int) -> bool:
        """Whether so many rows are better read again than spared."""
        return rows <= self.few_rows

    def allow_amendment(self, rows: int, affected: int) -> bool:
        """Whether the rows of affected keys are better made by themselves than all rows anew.

        Args:
            rows: the rows that all keys stand for.
            affected: the keys whose rows may differ.
        """
        return affected <= self.affected_share * rows

    def allow_patch(self, rows: int, changed: int) -> bool:
        """Whether a table of so many rows is better patched than written anew.

        Args:
            rows: the rows of the table before.
            changed: the rows that are new, different or gone.
        """
        return changed <= self.changed_share * rows

    def ask_merge(self, first: int, patched: int, patches: int) -> bool:
        """Whether patches are to be merged with the file that they are laid over.

        Args:
            first: the rows of that file.
            patched: the rows that the patches add or take away.
            patches: the number of patches.
        """
        return patches > self.patches or patched > self.changed_share * first


DEFAULT = Thresholds()
