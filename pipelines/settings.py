"""Settings: the only reader of the environment.

| Variable | Means | Default |
|---|---|---|
| `ZHENJIE_HOME` | the folder of the installation | `.zhenjie` |
| `ZHENJIE_CONTRACTS` | further folders of contracts, separated like `PATH` | none |
| `ZHENJIE_DATASETS` | which datasets to run, such as `police.*,health.death` | all |
| `ZHENJIE_LEDGER` | SQLAlchemy URL of the ledger | SQLite in the home |
| `ZHENJIE_MEMORY` | what the engine may use, as DuckDB writes it | `4GiB` |
| `ZHENJIE_THREADS` | how many cores the engine may use | `2` |
| `ZHENJIE_PUBLISHED_BATCHES` | how many batches of findings the warehouse shows | `10` |
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsError(Exception):
    """A setting that cannot be used; says which and what to do."""


@dataclass(frozen=True)
class Settings:
    """The settings of one process, every path absolute."""

    home: Path
    contracts: tuple[Path, ...] = ()
    datasets: tuple[str, ...] = ()
    ledger_url: str | None = None
    memory: str = "4GiB"
    threads: int = 2
    published_batches: int = 10


def read_settings(environment: Mapping[str, str] | None = None, home: Path | None = None) -> Settings:
    """The settings from the environment; `home` from the command line goes before `ZHENJIE_HOME`.

    Raises:
        SettingsError: a number that is none, or a folder of contracts that does not exist.
    """
    values = os.environ if environment is None else environment
    folders = tuple(
        Path(part).expanduser().resolve()
        for part in values.get("ZHENJIE_CONTRACTS", "").split(os.pathsep)
        if part
    )
    for folder in folders:
        if not folder.is_dir():
            raise SettingsError(f"ZHENJIE_CONTRACTS: {folder} is not a folder")
    return Settings(
        home=(home or Path(values.get("ZHENJIE_HOME") or ".zhenjie")).expanduser().resolve(),
        contracts=folders,
        datasets=tuple(part for part in re.split(r"[,\s]+", values.get("ZHENJIE_DATASETS", "")) if part),
        ledger_url=values.get("ZHENJIE_LEDGER") or None,
        memory=values.get("ZHENJIE_MEMORY") or "4GiB",
        threads=_count(values, "ZHENJIE_THREADS", 2),
        published_batches=_count(values, "ZHENJIE_PUBLISHED_BATCHES", 10),
    )


def child_environment(settings: Settings, dagster_home: Path) -> dict[str, str]:
    """The environment of a process we start: ours, with every setting said explicitly."""
    return {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home),
        "ZHENJIE_HOME": str(settings.home),
        "ZHENJIE_CONTRACTS": os.pathsep.join(str(folder) for folder in settings.contracts),
    }


def _count(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name) or str(default)
    if not text.isdigit() or int(text) < 1:
        raise SettingsError(f"{name}={text}: write a whole number, 1 or more")
    return int(text)
