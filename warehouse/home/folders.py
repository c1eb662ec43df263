"""The paths of everything below the home. This module only names paths; other modules read and write the files."""

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
        """Delivered files: new files at the top, received files below their batch."""
        return self.root / "inbox"

    @property
    def aside(self) -> Path:
        """Files that could not be taken in, each with its receipt."""
        return self.root / "aside"

    @property
    def answers(self) -> Path:
        """The drop folder for answered workbooks; after intake they move to `answers/done`."""
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
        """The lock file of the only writer."""
        return self.root / "lock"

    @property
    def delivery_lock(self) -> Path:
        """The lock file that running deliveries share."""
        return self.root / "delivery.lock"

    @property
    def clean_contracts(self) -> Path:
        """The fingerprint of the contracts that last passed the lint; without it they are linted again."""
        return self.root / "contracts.clean"

    @property
    def accepted(self) -> Path:
        """The checksums of the published databases that the acceptance suite accepted."""
        return self.root / "warehouse.accepted.json"

    @property
    def standard(self) -> Path:
        """The standard tables of the newest batch, as a database for queries."""
        return self.root / "standard.duckdb"

    @property
    def standard_accepted(self) -> Path:
        """The accepted checksums of `standard`: of the present file, and of the file of a pending switch."""
        return self.root / "standard.accepted.json"

    @property
    def verified(self) -> Path:
        """Files that queries have verified, by their file system attributes; may be deleted."""
        return self.root / "verified.json"

    @property
    def previous_warehouse(self) -> Path:
        """The database that was published before."""
        return self.root / "warehouse.previous.duckdb"

    @property
    def acceptance(self) -> Path:
        """The acceptance suite's Data Docs, one folder for each batch."""
        return self.root / "acceptance"

    @property
    def ledger(self) -> Path:
        """The ledger's database when it is SQLite."""
        return self.root / "ledger.sqlite"

    @property
    def witness(self) -> Path:
        """A line for each entry of the ledger, independent of the ledger's database: it shows lost entries."""
        return self.root / "ledger.witness"

    @property
    def witness_mark(self) -> Path:
        """A copy of the newest line of the witness: a witness without this line was truncated."""
        return self.root / "ledger.witness.newest"

    @property
    def register(self) -> Path:
        """A line for each file that was made and must still exist."""
        return self.root / "register.txt"

    @property
    def register_seal(self) -> Path:
        """Length and checksum of the register: a truncated or edited register does not match."""
        return self.root / "register.seal.json"

    @property
    def signing_key(self) -> Path:
        """The key that signs packages, unless the settings have a key; only its owner may read it."""
        return self.root / "signing.key"

    @property
    def alerts(self) -> Path:
        """Errors that a person should see, one file for each failed run."""
        return self.root / "alerts"

    @property
    def dagster(self) -> Path:
        """Dagster's storage."""
        return self.root / "dagster"

    def returns(self, batch: date) -> Path:
        """The packages of one batch."""
        return self.root / "returns" / batch.isoformat()
