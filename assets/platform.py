"""The Dagster resource that every asset receives: an installation's folders, contracts, engine, ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from zoneinfo import ZoneInfo

from returns.ledger.store import Ledger
from returns.packages.sheet_catalogue import SheetCatalogue, shipped_sheets
from returns.signing.keys import signing_keys
from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from warehouse.collect.intake.landing import LARGEST_FILE
from warehouse.engine.connection import Engine
from warehouse.home.encryption import NO_KEYS, Keys
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext
from warehouse.lake.store import Lake
from warehouse.lake.thresholds import DEFAULT, Thresholds

CHINA = ZoneInfo("Asia/Shanghai")  # A batch is a day of this zone.

# The batches that there may be. Electronic registers begin around 1990, and their history keeps its own dates; a later
# year than the last is a slip of the keyboard.
FIRST_BATCH, LAST_BATCH = date(1990, 1, 1), date(2099, 12, 31)


@dataclass(frozen=True)
class Platform:
    """One installation.

    `published_batches` is how many batches of findings the warehouse shows; `largest_file` is how many bytes a file
    from outside may have; `thresholds` choose how the lake is written; `signing` are the keys for packages that the
    settings give, `sheets` what packages show.
    """

    home: Home
    library: Library
    codes: CodeLibrary
    engine: Engine
    ledger_url: str = field(repr=False)
    published_batches: int = 10
    largest_file: int = LARGEST_FILE
    thresholds: Thresholds = DEFAULT
    signing: Keys = field(default=NO_KEYS, repr=False)
    sheets: SheetCatalogue = field(default_factory=shipped_sheets, repr=False)

    @cached_property
    def lake(self) -> Lake:
        """The lake below the home."""
        return Lake(self.home.lake, self.keys, self.thresholds)

    @contextmanager
    def open_batch(self, batch: date) -> Iterator[BatchContext]:
        """The context of a batch for the stages. Its connection is closed afterwards.

        Raises:
            QueryFailed: in the place of any error of DuckDB, Polars or Arrow while it is open.
        """
        with self.engine.connect() as connection:
            yield BatchContext(connection, self.lake, self.library, self.codes, batch)

    def open_ledger(self) -> Ledger:
        """The ledger, with the witness that lies in the home; to be closed."""
        return Ledger.open(self.ledger_url, self.home.witness)

    @property
    def keys(self) -> Keys:
        """The encryption of the lake and the warehouse."""
        return self.engine.keys

    def signing_keys(self) -> Keys:
        """The keys that sign packages and verify replies: those of the settings, and the home's own.

        Raises:
            UnusableKey: the home's own key cannot be read.
        """
        return signing_keys(self.home, self.signing)
