"""The sizes at which the lake changes its method. The value is an argument, so that tests can choose each method."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """When a table is made again as a whole, and when its patches are merged.

    Attributes:
        few_rows: a table that reads at most this many rows is made again as a whole: planning a statement for the
            affected rows takes longer.
        affected_share: a table is made again as a whole if a larger share of its keys is affected.
        changed_share: a table is written again as a whole if a larger share of its rows differs. Patches that change a
            larger share of their first file are merged with it.
        patches: a larger number of patches is merged.
    """

    few_rows: int = 20_000
    affected_share: float = 0.5
    changed_share: float = 0.2
    patches: int = 30

    def are_few(self, rows: int) -> bool:
        """Whether reading all of this number of rows is faster than selecting the affected ones."""
        return rows <= self.few_rows

    def allow_amendment(self, rows: int, affected: int) -> bool:
        """Whether making the rows of affected keys is faster than making all rows.

        Args:
            rows: the rows of all keys.
            affected: the keys whose rows may differ.
        """
        return affected <= self.affected_share * rows

    def allow_patch(self, rows: int, changed: int) -> bool:
        """Whether a patch is better than writing the whole table again.

        Args:
            rows: the rows of the table before.
            changed: the rows that are new, different or gone.
        """
        return changed <= self.changed_share * rows

    def ask_merge(self, first: int, patched: int, patches: int) -> bool:
        """Whether patches must be merged with the file that they are laid over.

        Args:
            first: the rows of that file.
            patched: the rows that the patches add or delete.
            patches: the number of patches.
        """
        return patches > self.patches or patched > self.changed_share * first


DEFAULT = Thresholds()
