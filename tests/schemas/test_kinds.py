"""The declared semantic kinds, and that they name functions of the library that fit."""

import re

import pytest

from schemas.expressions.functions import load_functions
from schemas.kinds import Judgement, Kind, load_kinds, of

KINDS = load_kinds()
JUDGEMENTS = [judgement for kind in KINDS.values() for judgement in kind.judgements]
FUNCTIONS = load_functions()


def test_the_kinds_that_contracts_rely_on_exist() -> None:
    assert {"resident_id", "uscc", "division_code", "phone", "person_name", "address"} <= KINDS.keys()


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_normalises_text_to_text_and_judges_text(kind: Kind) -> None:
    normalise = FUNCTIONS[kind.normalise]
    assert (list(normalise.parameters.values()), normalise.returns) == (["VARCHAR"], "VARCHAR")
    for name in (kind.valid, *(judgement.valid for judgement in kind.judgements)):
        if name is not None:
            valid = FUNCTIONS[name]
            assert (list(valid.parameters.values()), valid.returns) == (["VARCHAR"], "BOOLEAN")


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_what_is_recognised_is_judged_too(kind: Kind) -> None:
    judged = [judgement.valid for judgement in kind.judgements]
    assert judged == [] if kind.valid is None else kind.valid in judged


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_only_further_judgements_have_a_name_and_errors_come_first(kind: Kind) -> None:
    names = [judgement.name for judgement in kind.judgements]
    assert names[:1] in ([], [None]) and None not in names[1:] and len(set(names)) == len(names)
    severities = [judgement.severity for judgement in kind.judgements]
    assert severities == sorted(severities)


@pytest.mark.parametrize("judgement", JUDGEMENTS, ids=lambda judgement: judgement.valid)
def test_suggestion_and_evidence_are_made_for_the_column_and_with_the_library(judgement: Judgement) -> None:
    for said in (judgement.suggest, judgement.evidence):
        if said is None:
            assert of(said, "x") is None
            continue
        filled = of(said, '"身份证号"')
        assert filled == said.replace("{value}", '"身份证号"') != said
        assert set(re.findall(r"(\w+)\(", said)) <= FUNCTIONS.keys()


def test_a_wrong_resident_id_is_an_error_and_only_the_form_of_a_credit_code_is_one() -> None:
    """Codes of an early pilot fail the check character and are legally in force."""
    assert [(j.rule, j.valid, j.severity) for j in KINDS["resident_id"].judgements] == [
        ("semantic_kind", "is_resident_id", "error"),
        ("semantic_kind_area", "is_resident_id_area_plausible", "warning"),
    ]
    assert [(j.rule, j.valid, j.severity) for j in KINDS["uscc"].judgements] == [
        ("semantic_kind", "is_uscc_form", "error"),
        ("semantic_kind_check", "is_uscc", "warning"),
    ]


def test_messages_are_chinese_and_name_no_value() -> None:
    for judgement in JUDGEMENTS:
        assert any("\u4e00" <= c <= "\u9fff" for c in judgement.message)
        assert "{" not in judgement.message
