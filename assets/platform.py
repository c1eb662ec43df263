"""What every asset is given, as one Dagster resource: an installation's places, contracts, engine, ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from zoneinfo import ZoneInfo

from schemas.codes import CodeLibrary
from schemas.library import Library
from warehouse.encryption import Keys
from warehouse.engine import Engine
from warehouse.home import Home
from warehouse.lake import Lake

CHINA = ZoneInfo("Asia/Shanghai")  # A batch is a day of this zone.


@dataclass(frozen=True)
class Platform:
    """One installation. `published_batches` is how many batches of findings the warehouse shows."""

    home: Home
    library: Library
    codes: CodeLibrary
    engine: Engine
    ledger_url: str = field(repr=False)
    published_batches: int = 10

    @cached_property
    def lake(self) -> Lake:
        """The lake below the home."""
        return Lake(self.home.lake, self.keys)

    @property
    def keys(self) -> Keys:
        """What the lake and the warehouse are encrypted with."""
        return self.engine.keys
