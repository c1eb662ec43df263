"""The queries of standardisation and verification are portable for every contract that is shipped."""

from datetime import date

import pytest

from quality.findings import findings_query
from quality.rules import checks
from schemas.codes import CodeLibrary
from schemas.contract import Contract
from schemas.emit.sql import quote
from schemas.library import load_library
from schemas.portable import objections
from warehouse.standard import standard_query

LIBRARY = load_library()
CODES = CodeLibrary()


@pytest.mark.parametrize("contract", list(LIBRARY), ids=lambda contract: contract.id)
def test_standardisation_is_portable(contract: Contract) -> None:
    fields = [column.name for column in contract.delivered_columns][-3:]
    assert objections(standard_query(contract, CODES, "delivered_rows", fields)) == []


@pytest.mark.parametrize("contract", list(LIBRARY), ids=lambda contract: contract.id)
def test_verification_is_portable(contract: Contract) -> None:
    tables = {other.id: quote(other.id) for other in LIBRARY}
    todo = checks(contract, LIBRARY, CODES)
    assert objections(findings_query(contract, LIBRARY, todo, tables, date(2026, 3, 2))) == []
