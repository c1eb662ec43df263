"""Where everything lies below one folder. Only places are named here; who reads and writes them is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The folder of one installation."""

    root: Path

    @property
    def inbox(self) -> Path:
        """Delivered files: loose ones at its top, received ones below their batch."""
        return self.root / "inbox"

    @property
    def aside(self) -> Path:
        """Files that could not be taken in, each with its receipt."""
        return self.root / "aside"

    @property
    def answers(self) -> Path:
        """Where answered workbooks may be dropped; taken in ones move to `answers/done`."""
        return self.root / "answers"

    @property
    def lake(self) -> Path:
        """The Parquet lake."""
        return self.root / "lake"

    @property
    def spill(self) -> Path:
        """Scratch space of the engine and the readers."""
        return self.root / "spill"

    @property
    def warehouse(self) -> Path:
        """The published database."""
        return self.root / "warehouse.duckdb"

    @property
    def lock(self) -> Path:
        """Held by the one that writes."""
        return self.root / "lock"

    @property
    def delivery_lock(self) -> Path:
        """Shared by the deliveries that are under way."""
        return self.root / "delivery.lock"

    @property
    def clean_contracts(self) -> Path:
        """The fingerprint of the contracts that were last found clean; without it they are linted again."""
        return self.root / "contracts.clean"

    @property
    def accepted(self) -> Path:
        """The checksums of the published databases, as the acceptance suite saw them."""
        return self.root / "warehouse.accepted.json"

    @property
    def standard(self) -> Path:
        """The standard tables of the newest batch, as a database for queries."""
        return self.root / "standard.duckdb"

    @property
    def standard_accepted(self) -> Path:
        """The checksums of `standard`, of what lies there and of what a dead run was about to put there."""
        return self.root / "standard.accepted.json"

    @property
    def verified(self) -> Path:
        """What queries found to be as accepted, by what the file system says of it; may be removed."""
        return self.root / "verified.json"

    @property
    def previous_warehouse(self) -> Path:
        """The database that was published before."""
        return self.root / "warehouse.previous.duckdb"

    @property
    def acceptance(self) -> Path:
        """The acceptance suite's Data Docs, one folder a batch."""
        return self.root / "acceptance"

    @property
    def ledger(self) -> Path:
        """The ledger's database when it is SQLite."""
        return self.root / "ledger.sqlite"

    @property
    def witness(self) -> Path:
        """A line for each entry of the ledger, wherever that is: what was lost is named by it."""
        return self.root / "ledger.witness"

    @property
    def witness_mark(self) -> Path:
        """The newest line of the witness once more: a witness without it was cut short."""
        return self.root / "ledger.witness.newest"

    @property
    def register(self) -> Path:
        """A line for each thing that was made and must be there since."""
        return self.root / "register.txt"

    @property
    def register_seal(self) -> Path:
        """Length and checksum of the register: one that was cut short or edited does not match."""
        return self.root / "register.seal.json"

    @property
    def signing_key(self) -> Path:
        """The key that signs packages, unless the settings give one; only its owner may read it."""
        return self.root / "signing.key"

    @property
    def alerts(self) -> Path:
        """What went wrong and a person should see, one file a failed run."""
        return self.root / "alerts"

    @property
    def dagster(self) -> Path:
        """Dagster's storage."""
        return self.root / "dagster"

    def returns(self, batch: date) -> Path:
        """The packages of one batch."""
        return self.root / "returns" / batch.isoformat()
