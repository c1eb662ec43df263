"""The linter: what is wrong with a contract, on which line, and what to do about it.

It judges what `schemas.odcs` could read: the standard's own JSON Schema first, then our facts, each against
the library (entities, code tables, semantic kinds, functions, other contracts). It never raises for a bad
contract; the result is the list. The checks themselves are in `schemas.lints`, one module per part.
"""

from __future__ import annotations

from schemas.codes import CodeLibrary
from schemas.document import read_document
from schemas.library import Library
from schemas.lints import columns, dataset, rules, sources, standard
from schemas.lints.problem import Page, Problem


def lint(library: Library, codes: CodeLibrary) -> list[Problem]:
    """Every problem of every contract in the library, in file and line order."""
    found = set(sources.problems(library))
    for contract in library:
        page = Page(contract, read_document(contract.path), library, codes)
        for part in (standard, dataset, columns, rules):
            found.update(part.problems(page))
    return sorted(found)
