"""Holds every statement that runs on more than one engine against the allow-list of portable SQL.

The contract lint checks the expressions of contracts one by one. This module checks the complete statements that an
engine receives, and the models. `schemas.expressions.portable` declares the portable parts of SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from quality.rules.plan import compile_verification, fill
from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.emit.sql import quote
from schemas.expressions.portable import objections
from warehouse.standard.standardise import standard_query

# No query depends on which day it is.
_ANY_DAY = date(2026, 1, 1)
_PLACE = re.compile(r"\{(\w+)\}")


def not_portable(library: Library, codes: CodeLibrary) -> Iterator[str]:
    """What is not portable: of the models with file and line, of a contract's statements with the statement's line."""
    for table in library.derived:
        for found in objections(_PLACE.sub(r"\1", table.model)):
            yield f"{table.model_path}:{found.line}: {found.message}"
    tables = {contract.id: quote(contract.id) for contract in library}
    for contract in library:
        fields = [column.name for column in contract.delivered_columns]
        plan = compile_verification(contract, library, codes, tables.keys())
        for name, query in (
            ("standardisation", standard_query(contract, codes, "delivered_rows", fields)),
            ("verification", fill(plan.statement, tables, _ANY_DAY)),
        ):
            for found in objections(query):
                yield f"{contract.path}: {name}, line {found.line} of the statement: {found.message}"
