"""The declared semantic kinds, and that they name functions of the library that fit."""

import pytest

from schemas.functions import load_functions
from schemas.kinds import Kind, load_kinds

KINDS = load_kinds()
FUNCTIONS = load_functions()


def test_the_kinds_that_contracts_rely_on_exist() -> None:
    assert {"resident_id", "uscc", "division_code", "phone", "person_name", "address"} <= KINDS.keys()


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_normalises_text_to_text_and_judges_text(kind: Kind) -> None:
    normalise = FUNCTIONS[kind.normalise]
    assert (list(normalise.parameters.values()), normalise.returns) == (["VARCHAR"], "VARCHAR")
    if kind.valid is not None:
        valid = FUNCTIONS[kind.valid]
        assert (list(valid.parameters.values()), valid.returns) == (["VARCHAR"], "BOOLEAN")


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_suggestion_is_made_for_the_column_and_with_the_library(kind: Kind) -> None:
    if kind.suggest is None:
        assert kind.suggestion("x") is None
        return
    assert "{value}" in kind.suggest
    called = kind.suggest.split("(", 1)[0]
    assert called in FUNCTIONS
    assert kind.suggestion('"身份证号"') == kind.suggest.replace("{value}", '"身份证号"')


def test_a_wrong_resident_id_is_an_error_and_a_wrong_credit_code_a_warning() -> None:
    """Codes of an early pilot fail the check character and are legally in force."""
    assert KINDS["resident_id"].severity == "error"
    assert KINDS["uscc"].severity == "warning"


def test_messages_are_chinese_and_name_no_value() -> None:
    for kind in KINDS.values():
        assert any("\u4e00" <= c <= "\u9fff" for c in kind.message)
        assert "{" not in kind.message
