"""The linter: it lists the problems of contracts, each with its line and remedy.

It checks contracts that `schemas.contract.odcs` could read: first against the standard's own JSON Schema, then our
facts against the library (entities, code tables, semantic kinds, functions, other contracts). It never raises for a
bad contract; the result is the list. The checks themselves are in `schemas.lints`, one module for each part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.document import read_document
from schemas.lints import columns, dataset, derived, kinds, rules, sources, standard
from schemas.lints.problem import Page, Problem

# The libraries that decide for the checks: on SQL, on regular expressions, on the standard.
_JUDGES = ("duckdb", "jsonschema", "open-data-contract-standard", "sqlglot")


def lint(library: Library, codes: CodeLibrary) -> list[Problem]:
    """Every problem of every contract in the library, and of the semantic kinds, in file and line order."""
    found = {*kinds.problems(codes), *sources.problems(library), *derived.problems(library)}
    for contract in library:
        page = Page(contract, read_document(contract.path), library, codes)
        for part in (standard, dataset, columns, rules):
            found.update(part.problems(page))
    # Orders are checked last: else a wrong contract, such as a misspelt id, would be reported again for every order
    # that names the dataset.
    return sorted(found or set(sources.order_problems(library)))


def fingerprint(folders: Sequence[Path] = ()) -> str:
    """A digest of everything that the linter's result depends on: clean contracts stay clean while it is the same.

    It covers every file of the shipped folder (contracts, code tables, the linter itself), every file of the bureau's
    `folders`, and the versions of the deciding libraries.
    """
    found = hashlib.sha256(repr([(name, version(name)) for name in _JUDGES]).encode())
    for folder in (Path(__file__).parent, *folders):
        files = sorted(path for path in folder.rglob("*") if path.suffix != ".pyc" and path.is_file())
        digests = [(str(path), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]
        found.update(repr((str(folder), digests)).encode())
    return found.hexdigest()
