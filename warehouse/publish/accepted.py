"""Facts about the published files that need no open file: accepted checksums, and files not allowed beside them.

A module of its own, so that a query need not import the publication.
"""

from __future__ import annotations

from pathlib import Path

from warehouse.home.folders import Home
from warehouse.publish.checksums import Checksums, known_checksums

# The schema of the table with the fingerprint and the row count of each standard table; no query can name it.
HIDDEN = "hidden"


def accepted(home: Home) -> Checksums:
    """The accepted checksums of the published databases; empty before the first publication."""
    return known_checksums(home.accepted)


def accepted_standard(home: Home) -> Checksums:
    """The accepted checksums of the database of standard tables."""
    return known_checksums(home.standard_accepted)


def log_of(database: Path) -> Path:
    """The write-ahead log that DuckDB would replay; a published database has none."""
    return database.with_name(f"{database.name}.wal")
