"""The platform that the settings describe. No Dagster here: commands that only read start at once."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL

from assets.platform import Platform
from pipelines.settings import Settings, SettingsError
from returns.packages.sheet_catalogue import load_sheets
from schemas.codes import CodeLibrary
from schemas.contract.library import load_library
from schemas.contract.selection import select, unmatched
from schemas.declared import Declaration, declared_at
from warehouse.engine.connection import Engine
from warehouse.home.folders import Home
from warehouse.publish.standard_database import draft_of
from warehouse.publish.switch import candidate_of


def code_library(settings: Settings) -> CodeLibrary:
    """The shipped code tables and those in `_codes` of each of the bureau's contract folders."""
    return CodeLibrary(declared_at(Declaration.CODES, settings.contracts))


def build_platform(settings: Settings) -> Platform:
    """The installation: its folders, contracts, code tables, engine and ledger.

    Raises:
        ContractError: a contract cannot be read.
        SettingsError: the settings choose a dataset that no contract declares.
        WrongKey: the lake is encrypted with a key that the settings do not have.
    """
    library = load_library(settings.contracts)
    if unknown := unmatched(library, settings.datasets):
        known = ", ".join(contract.id for contract in library)
        raise SettingsError(
            f"ZHENJIE_DATASETS：没有名为 {', '.join(unknown)} 的数据集，请改正或取消（默认全部）。现有：{known}"
        )
    home = Home(settings.home)
    home.root.mkdir(parents=True, exist_ok=True)
    codes = code_library(settings)
    # SQL may touch only the folders that the stages use: not the ledger, the returns or the answers.
    folders, databases = (home.inbox, home.lake), (candidate_of(home), draft_of(home))
    engine = Engine(home.spill, codes, settings.memory, settings.threads, settings.keys, folders, databases)
    platform = Platform(
        home=home,
        library=select(library, settings.datasets),
        codes=codes,
        engine=engine,
        ledger_url=ledger_url(settings),
        published_batches=settings.published_batches,
        largest_file=settings.largest_file,
        signing=settings.signing,
        sheets=load_sheets(settings.contracts),
    )
    platform.lake.check()
    return platform


def ledger_url(settings: Settings) -> str:
    """The URL of the ledger: the one of the settings, else SQLite in the home."""
    return settings.ledger_url or _sqlite(Home(settings.home).ledger)


def _sqlite(path: Path) -> str:
    """The URL of an SQLite database. Its path may have any characters."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
