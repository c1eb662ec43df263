"""docs/contracts.md: its example is a contract that lints clean, and its lists are those of the code."""

import re
import shutil
from collections.abc import Collection
from pathlib import Path

import pytest
import yaml

from schemas.codes import COLUMNS as CODE_COLUMNS
from schemas.codes import HEADER, CodeLibrary
from schemas.contract.authority import read_authority
from schemas.contract.library import SHIPPED, load_library, read_entities
from schemas.contract.limits import CHECK_NAMES
from schemas.contract.model import (
    BUILT_IN_RULES,
    CLASSIFICATIONS,
    DIMENSIONS,
    LOGICAL_TYPES,
    RULE_DIMENSIONS,
    SEVERITIES,
)
from schemas.contract.odcs import RULE_KEYS
from schemas.declared import Declaration
from schemas.expressions.functions import load_functions
from schemas.expressions.parse import OPERATORS, STANDARD_FUNCTIONS
from schemas.formats import load_formats
from schemas.kinds import load_kinds
from schemas.lint import lint
from schemas.lints import columns, dataset, delivery
from schemas.lints.rules import RESERVED_ALIASES
from schemas.tables import load_tables

PAGE = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text(encoding="utf-8")
EXAMPLE, CODES_EXAMPLE, ENTITY_EXAMPLE, AUTHORITY_EXAMPLE = re.findall(r"(?s)```yaml\n(.*?)```", PAGE)
PROSE = re.sub(r"(?s)```.*?```", "", PAGE)

Row = list[str]


def section(heading: str) -> str:
    """The text under a heading, up to the next heading of any level."""
    (body,) = re.findall(rf"(?ms)^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", PROSE)
    return str(body)


def tables(heading: str, first: str) -> list[list[Row]]:
    """The tables of a section whose first column is headed `first`, as cells without code marks."""
    found = re.findall(rf"(?m)^\| {re.escape(first)} \|.*\n\|[-| ]+\n((?:\|.*\n)+)", section(heading))
    return [
        [
            [cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in table.splitlines()
        ]
        for table in found
    ]


def listed(heading: str, first: str) -> list[str]:
    """What the first column of a section's only such table names."""
    (table,) = tables(heading, first)
    return [row[0].replace("\\|", "|") for row in table]


def in_its_place(example: str, folder: Path) -> Path:
    """The shipped contracts with the example in place of the one that it is a short form of."""
    contracts = folder / "contracts"
    shutil.copytree(SHIPPED, contracts)
    shipped = contracts / "civil_affairs" / "elderly_allowance.yaml"
    assert shipped.exists()
    shipped.write_text(example, encoding="utf-8")
    return contracts


def test_the_example_lints_clean_in_the_place_of_the_shipped_contract(tmp_path: Path) -> None:
    library = load_library([in_its_place(EXAMPLE, tmp_path)], shipped=False)
    assert lint(library, CodeLibrary()) == []


def test_the_example_is_the_shipped_contract_with_fewer_rules() -> None:
    short, shipped = (
        yaml.safe_load(text)
        for text in (EXAMPLE, (SHIPPED / "civil_affairs" / "elderly_allowance.yaml").read_text("utf-8"))
    )
    for key in ("id", "name", "servers", "slaProperties", "customProperties"):
        assert short[key] == shipped[key], key
    (mine,), (theirs,) = short["schema"], shipped["schema"]
    assert [c["name"] for c in mine["properties"]] == [c["name"] for c in theirs["properties"]]
    assert {r["name"] for r in mine["quality"]} < {r["name"] for r in theirs["quality"]}


def test_the_example_of_a_problem_is_what_the_linter_says(tmp_path: Path) -> None:
    text = EXAMPLE.replace("age_at(born_on", "age_at(born")
    contracts = in_its_place(text, tmp_path)
    (problem,) = lint(load_library([contracts], shipped=False), CodeLibrary())
    assert str(problem).replace(str(tmp_path) + "/", "") in PAGE


def test_the_examples_of_own_codes_and_entities_are_read(tmp_path: Path) -> None:
    (tmp_path / HEADER).write_text(CODES_EXAMPLE, encoding="utf-8")
    rows = "code,label,aliases\n1,固定,固定摊|固定摊位\n"
    (tmp_path / "stall_kind.csv").write_text(rows, encoding="utf-8")
    assert CodeLibrary([tmp_path]).load("stall_kind").title == "摊位类别"
    (tmp_path / Declaration.ENTITIES).write_text(ENTITY_EXAMPLE, encoding="utf-8")
    assert [entity.name for entity in read_entities(tmp_path)] == ["stall"]
    (tmp_path / Declaration.AUTHORITY).write_text(AUTHORITY_EXAMPLE, encoding="utf-8")
    orders = read_authority([SHIPPED, tmp_path])
    assert orders["stall", "phone"].names == ("market.stall", "market.inspection")
    assert orders["person", "phone"].names == ("police.population", "market.stall")


@pytest.mark.parametrize(
    ("heading", "first", "known"),
    [
        ("Delivery", "`format`", load_formats()),
        ("Delivery", "Property", delivery.SERVER_FACTS),
        ("What a row speaks of", "Property", dataset.CONTRACT_FACTS),
        ("Columns", "Option", columns.OPTIONS),
        ("Columns", "Property", dataset.COLUMN_FACTS),
        ("Columns", "Level", CLASSIFICATIONS),
        ("Semantic kinds", "Kind", load_kinds()),
        ("Built-in rules", "Rule", BUILT_IN_RULES),
        ("Expressions", "Operator", OPERATORS),
    ],
)
def test_the_page_lists_what_the_code_knows(heading: str, first: str, known: Collection[str]) -> None:
    assert sorted(listed(heading, first)) == sorted(known)


def test_the_page_lists_the_checks_of_a_whole_file() -> None:
    (table,) = tables("Whole files", "Check")
    listed_checks = [name for row in table for name in re.findall(r"\w+", row[0])]
    assert sorted(listed_checks) == sorted(CHECK_NAMES)


def test_the_page_lists_the_keys_of_a_rule() -> None:
    item, implementation = tables("Declared rules", "Key")
    assert [row[0] for row in item] == [
        "type", "engine", "name", "dimension", "severity", "description", "implementation",
    ]  # fmt: skip
    assert [row[0] for row in implementation] == list(RULE_KEYS)


def test_the_page_says_what_each_form_of_delivery_may_say() -> None:
    (forms,) = tables("Delivery", "`format`")
    said = {row[0]: set(row[1].replace("`", "").split(", ")) for row in forms}
    assert said == {found.name: set(found.facts) for found in load_formats().values()}


def test_the_page_lists_every_function_with_its_arguments() -> None:
    standard, ours = tables("Expressions", "Function")
    called = [re.fullmatch(r"(\w+)\((.*)\)", row[0]) for row in standard + ours]
    names = [(call[1], call[2].split(", ")) for call in called if call]
    assert {name for name, _ in names[: len(standard)]} == set(STANDARD_FUNCTIONS)
    for name, arguments in names[: len(standard)]:
        fewest, most = STANDARD_FUNCTIONS[name]
        assert arguments[-1] == "…" if most > 3 else fewest <= len(arguments) == most, name
    assert names[len(standard) :] == [
        (name, list(function.parameters)) for name, function in load_functions().items()
    ]


def test_the_page_says_how_each_kind_is_normalised_judged_and_classified() -> None:
    (rows,) = tables("Semantic kinds", "Kind")
    assert [(row[0], *row[2:]) for row in rows] == [
        (kind.name, kind.normalise, "`, then `".join(j.valid for j in kind.judgements), kind.classification)
        for kind in load_kinds().values()
    ]
    for row in rows:
        assert load_kinds()[row[0]].title in row[1]


def test_the_keys_the_example_uses_are_all_on_the_page() -> None:
    data = yaml.safe_load(EXAMPLE)
    (table,) = data["schema"]
    assert set(data) <= {*listed("The dataset", "Key")}
    for column in table["properties"]:
        assert set(column) <= set(listed("Columns", "Key")), column["name"]


def test_the_page_names_types_dimensions_severities_and_casts() -> None:
    for text, names in (
        (section("Columns"), LOGICAL_TYPES),
        (section("Declared rules"), (*DIMENSIONS, *SEVERITIES)),
        (section("Code tables"), CODE_COLUMNS),
    ):
        for name in names:
            assert f"`{name}`" in text, name
    for dimension in RULE_DIMENSIONS:
        assert f"`{dimension}` {DIMENSIONS[dimension]}" in section("Declared rules")


def test_the_page_names_what_is_reserved() -> None:
    for name in (*columns.RESERVED_COLUMNS, columns.DELIVERED_SUFFIX):
        assert f"`{name}`" in section("Columns"), name
    entities = section("Entities and authority")
    common = [field.name for field in load_tables()["governance._common"].fields]
    for name in (*common, *columns.RESERVED_ATTRIBUTES, columns.ANY_SUFFIX):
        assert f"`{name}`" in entities, name
    for department in dataset.RESERVED_DEPARTMENTS:
        assert f"not `{department}`" in section("The dataset")
    for prefix in re.findall(r"\((\w+)\|(\w+)\|(\w+)\)", RESERVED_ALIASES.pattern)[0]:
        assert f"`{prefix}_`" in section("Declared rules")


def test_every_link_inside_the_page_leads_to_a_heading() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"(?m)^#+ (.*)$", PROSE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= anchors
