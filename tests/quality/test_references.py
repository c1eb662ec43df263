"""References within a dataset: a row may name one that has not changed, or that is gone since."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from quality.findings.verify import verify
from schemas.contract.library import Library
from schemas.contract.odcs import read_contract
from warehouse.collect.extracts.extract import extract
from warehouse.collect.intake import reception
from warehouse.engine.connection import Engine
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext
from warehouse.lake.store import Lake
from warehouse.lake.thresholds import Thresholds
from warehouse.standard.standardise import no_corrections, standardise

CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: school.class
name: 班级
version: 1.0.0
status: active
domain: school
tenant: 教育局
description: {purpose: 一个班级一行}
servers: [{server: delivery, type: local, path: 班级*.csv, format: csv}]
customProperties: [{property: delivery, value: snapshot}]
schema:
  - name: class
    properties:
      - {name: class_no, businessName: 班级号, logicalType: string, required: true, primaryKey: true}
      - {name: name, businessName: 班级名, logicalType: string}
      - name: made_of
        businessName: 由何班分出
        logicalType: string
        relationships: [{to: school.class.class_no}]
"""
HEAD = "班级号,班级名,由何班分出\n"
FIRST = HEAD + "C1,一班,\nC2,二班,C1\nC3,三班,C2\nC4,四班,\nC5,五班,C9\n"
# Three is called otherwise, and the class that it names is as it was; four is gone, and nobody named it.
SECOND = FIRST.replace("三班", "三（重点）班").replace("C4,四班,\n", "")
# Two is gone: three, which is as it was, names nothing any more. Nine is there.
THIRD = SECOND.replace("C2,二班,C1\n", "C9,九班,\n")


@pytest.mark.parametrize("share", [0.9, -1.0], ids=["resting", "anew"])
def test_a_reference_to_a_row_of_the_same_dataset_is_followed_whatever_changed(
    engine: Engine, tmp_path: Path, share: float
) -> None:
    path, file = tmp_path / "class.yaml", tmp_path / "班级.csv"
    path.write_text(CONTRACT, encoding="utf-8")
    contract = read_contract(path)
    library, home = Library((contract,), ()), Home(tmp_path / "home")
    home.root.mkdir()
    lake, found = (
        Lake(home.lake, thresholds=Thresholds(few_rows=0, affected_share=share, changed_share=share)),
        [],
    )
    with engine.connect() as connection:
        for number, text in enumerate((FIRST, SECOND, THIRD)):
            day = date(2026, 3, 2 + number)
            opened = BatchContext(connection, lake, library, engine.codes, day)
            file.write_text(text, encoding="utf-8")
            reception.deliver(home, library, [file], day, datetime(2026, 3, 2, 8, number))
            extract(opened, home, contract)
            standardise(opened, contract, no_corrections())
            findings = verify(opened, contract)
            assert findings is not None
            query = f"SELECT record_key, rule, observed FROM {findings.scan} ORDER BY ALL"
            found.append(connection.execute(query).fetchall())
    assert found == [
        [("C5", "reference", "C9")],
        [("C5", "reference", "C9")],
        [("C3", "reference", "C2")],
    ]
