"""The declared semantic kinds, and that they name functions of the library that fit."""

import re
from pathlib import Path

import pytest

from schemas.codes import CodeLibrary
from schemas.contract.library import load_library
from schemas.document import ContractError
from schemas.expressions.functions import load_functions
from schemas.kinds import Judgement, SemanticKind, load_kinds, of
from schemas.lints.kinds import problems

KINDS = load_kinds()
JUDGEMENTS = [judgement for kind in KINDS.values() for judgement in kind.judgements]
FUNCTIONS = load_functions()


def test_the_kinds_that_contracts_rely_on_exist() -> None:
    assert {"resident_id", "uscc", "division_code", "phone", "person_name", "address"} <= KINDS.keys()


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_normalises_text_to_text_and_judges_text(kind: SemanticKind) -> None:
    normalise = FUNCTIONS[kind.normalise]
    assert (list(normalise.parameters.values()), normalise.returns) == (["VARCHAR"], "VARCHAR")
    for name in (kind.valid, *(judgement.valid for judgement in kind.judgements)):
        if name is not None:
            valid = FUNCTIONS[name]
            assert (list(valid.parameters.values()), valid.returns) == (["VARCHAR"], "BOOLEAN")


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_what_is_recognised_is_judged_too(kind: SemanticKind) -> None:
    judged = [judgement.valid for judgement in kind.judgements]
    assert judged == [] if kind.valid is None else kind.valid in judged


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_only_further_judgements_have_a_name_and_errors_come_first(kind: SemanticKind) -> None:
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


def test_an_identifier_names_an_entity_and_a_dataset_that_are_declared() -> None:
    library = load_library()
    for kind in KINDS.values():
        if kind.identifies is not None:
            assert library.entity(kind.identifies.entity)
            assert kind.identifies.township_by is None or kind.identifies.township_by in library


ENTRY = """
colour:
  title: 颜色
  normalise: normalise_code
  valid: is_plate
  classification: L1
  role: fact
  recognise: {by: values}
  judgements:
    - {valid: is_plate, severity: error, dimension: conformity, message: 颜色不对, typed: refuse}
  examples:
    right: {鲁F12345: 鲁F12345}
    wrong: {semantic_kind: [红]}
"""


def judged(folder: Path, entry: str) -> list[str]:
    path = folder / "kinds.yaml"
    path.write_text(entry, encoding="utf-8")
    return [f"{problem.line}: {problem.message}" for problem in problems(CodeLibrary(), path)]


def test_a_complete_entry_is_clean(tmp_path: Path) -> None:
    assert judged(tmp_path, ENTRY) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title: 颜色", "title: colour", "3: kind colour: the title is 'colour'"),
        ("normalise_code", "normalise_colour", "4: kind colour: unknown function normalise_colour"),
        ("normalise_code", "is_plate", "4: kind colour: is_plate does not make a VARCHAR of one text"),
        ("valid: is_plate\n", "valid: is_phone\n", "9: kind colour: no judgement uses is_phone"),
        ("valid: is_plate\n", "valid: null\n", "8: kind colour: nothing judges its values"),
        ("role: fact", "role: identifier", "7: kind colour: role is identifier, and identifies is not said"),
        ("by: values", "by: heading", "8: kind colour: recognised by heading"),
        ("by: values", "by: values, codes: colours", "8: kind colour: unknown code table colours"),
        ("message: 颜色不对", "message: wrong", "10: kind colour: message 'wrong'"),
        ("typed: refuse", "typed: refuse, suggest: tidy_text(x)", "10: kind colour: the expression has no {value}"),
        ("typed: refuse", "typed: refuse, suggest: 'mend({value})'", "10: kind colour: unknown function mend"),
        ("right: {鲁F12345: 鲁F12345}", "right: {}", "11: kind colour: no right example"),
        ("{semantic_kind: [红]}", "{}", "11: kind colour: no example of semantic_kind"),
        ("{semantic_kind: [红]}", "{semantic_kind: [红], x: [红]}", "13: kind colour: an example of x, which is no "
            "judgement"),
    ],
)  # fmt: skip
def test_an_entry_that_lacks_something_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in ENTRY
    assert said in judged(tmp_path, ENTRY.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  role: fact\n", "", r"kinds.yaml:2: kind colour: role: Field required"),
        (", typed: refuse", "", r"kinds.yaml:10: kind colour: judgements.0.typed: Field required"),
        ("role: fact", "role: fact\n  colour: red", r"kinds.yaml:8: kind colour: colour: Unexpected"),
        (
            "classification: L1",
            "classification: L9",
            r"kinds.yaml:6: kind colour: classification: Input should be",
        ),
    ],
)
def test_an_entry_that_cannot_be_read_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(ContractError, match=said):
        judged(tmp_path, ENTRY.replace(old, new, 1))
