"""Check all declarations together: contracts, entities, orders of authority, code tables, sheets.

One linter serves the shipped folder and the bureau's own folders. `zhenjie contract lint` and every command that uses
contracts call it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipelines.platform import code_library
from pipelines.settings import Settings
from returns.packages.sheet_catalogue import load_sheets
from returns.packages.sheet_lint import sheet_problems
from returns.packages.sheet_spec import FOLDER
from schemas.contract.library import load_library
from schemas.declared import Declaration, misnamed
from schemas.lint import fingerprint, lint
from schemas.lints.problem import Problem


def problems(settings: Settings) -> list[Problem]:
    """Every problem of every declaration, in file and line order.

    Raises:
        ContractError: a file cannot be read at all.
        CodeTableError: a code table is missing or malformed.
    """
    library, codes = load_library(settings.contracts), code_library(settings)
    found = [*lint(library, codes), *_misnamed(settings.contracts)]
    # The queries of sheets are bound to tables that follow from contracts, so the contracts must be clean. Tests bind
    # the shipped sheets to the shipped contracts: it takes a second, and an installation cannot change them.
    if found or not settings.contracts:
        return sorted(found)
    with tempfile.TemporaryDirectory() as scratch:
        return sheet_problems(load_sheets(settings.contracts), library, codes, Path(scratch))


def declared_fingerprint(settings: Settings) -> str:
    """A digest of every declaration that `problems` checks, and of the programs that check them."""
    return fingerprint((*settings.contracts, FOLDER, FOLDER.parent))


def _misnamed(folders: tuple[Path, ...]) -> Iterator[Problem]:
    for path, meant in misnamed(folders):
        names = ", ".join(Declaration)
        yield Problem(path, 1, f"{path.name} is read by nobody: known are {names}", f"did you mean {meant}?")
