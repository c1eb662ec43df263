"""What is known of the published files without opening one: what they may be, and what may not lie beside them.

Apart from their publication, so that a query need not import it.
"""

from __future__ import annotations

from pathlib import Path

from warehouse.home.folders import Home
from warehouse.publish.checksums import Checksums, known_checksums

# The schema of the table that keeps the fingerprint and the rows of each standard table; no query can name it.
HIDDEN = "hidden"


def accepted(home: Home) -> Checksums:
    """What the published databases may be; nothing before the first publication."""
    return known_checksums(home.accepted)


def accepted_standard(home: Home) -> Checksums:
    """What the database of standard tables may be."""
    return known_checksums(home.standard_accepted)


def log_of(database: Path) -> Path:
    """The write-ahead log that DuckDB would replay; a published database has none."""
    return database.with_name(f"{database.name}.wal")
