"""The declared function library as data; that the engine keeps it is tests/warehouse/test_functions.py."""

import dataclasses

import pytest

from schemas.expressions.functions import load_functions


def test_functions_cannot_be_changed_by_their_readers() -> None:
    functions = load_functions()
    with pytest.raises(TypeError):
        functions["drop_everything"] = functions["clean_text"]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        functions["clean_text"].returns = "DATE"  # type: ignore[misc]


def test_a_signature_reads_as_people_write_it() -> None:
    assert load_functions()["age_at"].signature == "age_at(birth DATE, day DATE) -> BIGINT"


@pytest.mark.parametrize("function", load_functions().values(), ids=lambda f: f.name)
def test_every_function_says_what_it_does_in_both_languages_and_shows_it(function: object) -> None:
    name, title, description, examples = (
        getattr(function, field) for field in ("name", "title", "description", "examples")
    )
    assert name.islower() and not name.startswith("_")
    assert any("\u4e00" <= c <= "\u9fff" for c in title) and "\n" not in title
    assert description.endswith(".") and "\n" not in description
    assert examples and all(name in case.call for case in examples)
