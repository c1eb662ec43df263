"""The library as a whole: the engine keeps what schemas/functions.yaml declares."""

import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.expressions.functions import Example, Function, load_functions
from warehouse.engine import functions as functions_module
from warehouse.engine.functions import function_files, install

FUNCTIONS = load_functions()


def test_the_engine_offers_exactly_the_declared_functions(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute(
        "SELECT function_name, parameters, parameter_types FROM duckdb_functions() "
        "WHERE NOT internal AND function_type = 'macro' AND NOT starts_with(function_name, '_')"
    ).fetchall()
    offered = {name: dict(zip(names, types, strict=True)) for name, names, types in rows}
    assert offered == {name: dict(function.parameters) for name, function in FUNCTIONS.items()}


@pytest.mark.parametrize(
    ("function", "case"),
    [(f, e) for f in FUNCTIONS.values() for e in f.examples],
    ids=lambda value: value.call if isinstance(value, Example) else None,
)
def test_every_example_gives_its_value_in_the_declared_type(
    con: duckdb.DuckDBPyConnection, function: Function, case: Example
) -> None:
    row = con.execute(f"SELECT {case.call}, typeof({case.call})").fetchone()
    assert row == (case.value, function.returns)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda f: f.name)
def test_null_gives_null(con: duckdb.DuckDBPyConnection, function: Function) -> None:
    arguments = ", ".join(f"CAST(NULL AS {type_})" for type_ in function.parameters.values())
    assert con.execute(f"SELECT {function.name}({arguments})").fetchone() == (None,)


def test_installing_twice_changes_nothing() -> None:
    with duckdb.connect() as connection:
        install(connection)
        install(connection)
        assert connection.execute("SELECT clean_text(' 张三 ')").fetchone() == ("张三",)


TEXT_FUNCTIONS = [n for n, f in FUNCTIONS.items() if list(f.parameters.values()) == ["VARCHAR"]]
DIRT = st.text(
    st.one_of(
        st.sampled_from(
            " '‘’`\"=\t\n\u00a0\u3000\u200b\ufeff\u202d-—/无空NAa.1９０Ｘ×Хx0+86（）(),·•年月日E"
        ),
        st.characters(codec="utf-8"),
    ),
    max_size=24,
)


@settings(max_examples=6, deadline=None)
@given(texts=st.lists(DIRT, min_size=20, max_size=100))
@example(texts=['=\'="x"', ' ="370602 " ', '＝"x"', "暂 无", "-'370602", "N - A", '="\'x"', "无"])
def test_no_text_makes_a_function_fail_and_normalising_twice_is_normalising_once(
    con: duckdb.DuckDBPyConnection, texts: list[str]
) -> None:
    def every(function_texts: dict[str, list[Any]]) -> dict[str, list[Any]]:
        con.register("given", pa.table({"i": range(len(texts)), **function_texts}))
        calls = ", ".join(f"{name}({name}) AS {name}" for name in function_texts)
        return con.execute(f"SELECT {calls} FROM given ORDER BY i").to_arrow_table().to_pydict()

    once = every(dict.fromkeys(TEXT_FUNCTIONS, texts))
    normalised = {n: once[n] for n in once if n.startswith(("tidy", "clean", "normalise"))}
    assert len(normalised) == 9
    assert every({name: pa.array(found, pa.string()) for name, found in normalised.items()}) == normalised
    verdicts = [verdict for name in once if name.startswith("is_") for verdict in once[name]]
    assert set(verdicts) <= {True, False}


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_every_file_of_functions_is_found_and_stands_after_those_that_it_calls(engine: str) -> None:
    folder = Path(functions_module.__file__).parents[1] / "sql" / engine
    texts = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.sql")}
    order = function_files(engine)
    assert set(order) == texts.keys() - {"codes", "places", "known"}
    defined: set[str] = set()
    every = {name for text in texts.values() for name in re.findall(r"(?:MACRO|FUNCTION) (\w+)\(", text)}
    for name in order:
        own = set(re.findall(r"(?:MACRO|FUNCTION) (\w+)\(", texts[name]))
        assert {call for call in re.findall(r"\b(\w+)\(", texts[name]) if call in every} <= defined | own, (
            name
        )
        defined |= own
