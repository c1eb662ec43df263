"""Everything declared, checked together: contracts, entities, orders of authority, code tables, sheets.

One linter for the shipped folder and for the bureau's own: `zhenjie contract lint` and every command that works by the
contracts ask here.
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
        CodeTableError: a code table is missing or not as it must be.
    """
    library, codes = load_library(settings.contracts), code_library(settings)
    found = [*lint(library, codes), *_misnamed(settings.contracts)]
    # Queries of sheets are bound to tables that follow from contracts that are right. The shipped sheets over the
    # shipped contracts are bound by tests: it takes a second, and nothing here changes them.
    if found or not settings.contracts:
        return sorted(found)
    with tempfile.TemporaryDirectory() as scratch:
        return sheet_problems(load_sheets(settings.contracts), library, codes, Path(scratch))


def declared_fingerprint(settings: Settings) -> str:
    """A digest of everything that `problems` judges, and of what judges it."""
    return fingerprint((*settings.contracts, FOLDER, FOLDER.parent))


def _misnamed(folders: tuple[Path, ...]) -> Iterator[Problem]:
    for path, meant in misnamed(folders):
        names = ", ".join(Declaration)
        yield Problem(path, 1, f"{path.name} is read by nobody: known are {names}", f"did you mean {meant}?")
