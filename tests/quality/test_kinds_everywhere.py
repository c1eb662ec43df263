"""Each semantic kind judges its declared examples alike in findings and in typed answers; on Spark: tests/parity."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from quality.findings.verify import verify
from returns.replies.reply_validation import CORRECT, judge
from schemas.contract.library import Library
from schemas.kinds import load_kinds
from tests.kind_examples import DATASET, DAY, deliver, examples, library_of_kinds
from warehouse.engine.connection import Engine
from warehouse.incremental.context import BatchContext
from warehouse.lake.store import Lake
from warehouse.standard.standardise import no_corrections, standardise

RULES = {
    (kind.name, judgement.rule): judgement for kind in load_kinds().values() for judgement in kind.judgements
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return library_of_kinds(tmp_path_factory.mktemp("contracts"))


@pytest.fixture
def opened(engine: Engine, library: Library, tmp_path: Path) -> Iterator[BatchContext]:
    with engine.connect() as connection:
        lake = Lake(tmp_path / "lake")
        deliver(connection, lake, library[DATASET])
        yield BatchContext(connection, lake, library, engine.codes, DAY)


def test_the_declared_examples_are_normalised_and_found_as_declared(opened: BatchContext) -> None:
    contract = opened.library[DATASET]
    standard = standardise(opened, contract, no_corrections())
    found = verify(opened, contract)
    assert standard is not None and found is not None
    rows = {row["number"]: row for row in opened.connection.execute(f"FROM {standard.scan}").pl().to_dicts()}
    normal = {(e.kind, e.text): e.normal for e in examples() if e.normal is not None}
    assert {(e.kind, e.text): rows[e.number][e.kind] for e in examples() if e.normal is not None} == normal
    query = f"SELECT record_key, field, rule, severity, dimension FROM {found.scan}"
    assert sorted(opened.connection.execute(query).fetchall()) == sorted(
        (e.number, e.kind, e.rule, RULES[e.kind, e.rule].severity, RULES[e.kind, e.rule].dimension)
        for e in examples()
        if e.rule is not None
    )


@pytest.mark.parametrize("note", [None, "已核对证件"])
def test_a_typed_answer_is_judged_as_the_kind_declares(opened: BatchContext, note: str | None) -> None:
    every = examples()
    tickets = pl.DataFrame(
        [(e.number, DATASET, "presence", e.number, e.kind, "open", "原值", None, "原值") for e in every],
        schema=dict.fromkeys(
            (
                "ticket_id",
                "dataset",
                "rule",
                "record_key",
                "field",
                "state",
                "observed",
                "suggestion",
                "delivered",
            ),
            pl.String,
        ),
        orient="row",
    )
    answers = pl.DataFrame(
        {
            "line": range(len(every)),
            "ticket_id": [e.number for e in every],
            "seen": "原值",
            "verdict": CORRECT,
            "typed": [e.text for e in every],
            "rounded": False,
            "issued": True,
        }
    ).with_columns(note=pl.lit(note, pl.String), seen_suggestion=pl.lit(None, pl.String))
    judged = judge(opened.connection, opened.library, opened.codes, answers, tickets, older=False)
    for example, row in zip(every, judged.sort("line").to_dicts(), strict=True):
        rule = RULES.get((example.kind, example.rule or ""))
        if rule is None or (rule.typed == "explain" and note is not None):
            assert row["reason"] is None, example
            assert example.normal in (None, row["value"]), example
        else:
            assert rule.message in row["reason"], example
            assert ("请在“说明”里写明依据" in row["reason"]) == (rule.typed == "explain"), example
