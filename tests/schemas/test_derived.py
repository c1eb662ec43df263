"""Declared derived tables: what the linter says of them, above all of a model that looks at rows of other keys."""

from pathlib import Path

import pytest

from schemas.contract.derived import read_derived
from schemas.contract.library import SHIPPED, Library, load_library
from schemas.document import ContractError
from schemas.lints.derived import problems

DECLARED = """
title: 测试表
key: household_no
whole: false
inputs:
  person: [resident_id, birth_date, household_no]
columns:
  household_no: {type: string, title: 户号}
  n: {type: integer, title: 数}
"""

LOCAL = {
    "grouped": "SELECT household_no, count(*) AS n FROM {person} GROUP BY household_no",
    "by another name": "SELECT p.household_no, count(*) AS n FROM {person} AS p WHERE p.birth_date <> 1 GROUP BY ALL",
    "window": """
        SELECT household_no, n FROM (
            SELECT household_no, row_number() OVER (PARTITION BY household_no ORDER BY birth_date) AS n FROM {person}
        ) WHERE n = 1""",
    "with": """
        WITH counted AS (SELECT household_no, count(*) AS n FROM {person} GROUP BY household_no)
        SELECT counted.household_no, max(counted.n) AS n
        FROM counted JOIN {person} AS p ON p.household_no = counted.household_no AND p.birth_date IS NOT NULL
        GROUP BY counted.household_no""",
    "left join": """
        SELECT a.household_no, count(b.birth_date) AS n
        FROM {person} AS a LEFT JOIN {person} AS b ON a.household_no = b.household_no AND b.birth_date IS NULL
        GROUP BY a.household_no""",
    "union": """
        SELECT household_no, 1 AS n FROM {person} WHERE birth_date IS NULL
        UNION ALL SELECT household_no, 2 AS n FROM {person} WHERE birth_date IS NOT NULL""",
}

CROSSING = {
    "window over all": "SELECT household_no, rank() OVER (ORDER BY birth_date) AS n FROM {person}",
    "window over something else": "SELECT household_no, count(*) OVER (PARTITION BY birth_date) AS n FROM {person}",
    "window in a filter": """
        SELECT household_no, 1 AS n FROM {person}
        QUALIFY row_number() OVER (PARTITION BY birth_date ORDER BY resident_id) = 1""",
    "one group of all": "SELECT max(household_no) AS household_no, count(*) AS n FROM {person}",
    "grouped by something else": """
        SELECT max(household_no) AS household_no, count(*) AS n
        FROM {person} GROUP BY birth_date""",
    "self join": """
        SELECT a.household_no, count(*) AS n FROM {person} AS a JOIN {person} AS b ON a.birth_date = b.birth_date
        GROUP BY a.household_no""",
    "cross join": """
        SELECT a.household_no, count(*) AS n
        FROM {person} AS a CROSS JOIN {person} AS b GROUP BY a.household_no""",
    "join with one side's condition": """
        SELECT a.household_no, count(*) AS n FROM {person} AS a JOIN {person} AS b ON a.household_no = a.household_no
        GROUP BY a.household_no""",
    "key from behind a left join": """
        SELECT b.household_no, count(*) AS n
        FROM {person} AS a LEFT JOIN {person} AS b ON a.household_no = b.household_no AND b.birth_date IS NULL
        GROUP BY b.household_no""",
    "sub-query in a value": "SELECT household_no, (SELECT count(*) FROM {person}) AS n FROM {person}",
    "sub-query in a condition": """
        SELECT household_no, 1 AS n FROM {person} WHERE birth_date IN (SELECT max(birth_date) FROM {person})""",
    "exists": """
        SELECT a.household_no, 1 AS n FROM {person} AS a
        WHERE EXISTS (SELECT 1 FROM {person} AS b WHERE b.birth_date = a.birth_date)""",
    "limit": "SELECT household_no, 1 AS n FROM {person} ORDER BY household_no LIMIT 3",
    "another column as the key": """
        SELECT resident_id AS household_no, count(*) AS n
        FROM {person} GROUP BY resident_id""",
    "a key that is changed": """
        SELECT substr(household_no, 1, 2) AS household_no, count(*) AS n
        FROM {person} GROUP BY 1""",
    "rollup": "SELECT household_no, count(*) AS n FROM {person} GROUP BY ROLLUP (household_no)",
    "distinct on": "SELECT DISTINCT ON (birth_date) household_no, 1 AS n FROM {person}",
}  # fmt: skip


def said(folder: Path, declared: str, model: str) -> list[str]:
    (folder / "_derived").mkdir()
    (folder / "_derived" / "table.yaml").write_text(declared, encoding="utf-8")
    (folder / "_derived" / "table.sql").write_text(model, encoding="utf-8")
    shipped = load_library()
    library = Library(shipped.contracts, shipped.entities, shipped.authority, read_derived([folder]))
    return [f"{problem.path.name}:{problem.line}: {problem.message}" for problem in problems(library)]


def test_the_shipped_derived_tables_are_clean_and_each_model_is_declared() -> None:
    library = load_library()
    assert list(problems(library)) == []
    models = {path.stem for path in (SHIPPED / "_derived").glob("*.sql")}
    assert models == {table.name for table in library.derived} != set()


@pytest.mark.parametrize("model", LOCAL.values(), ids=LOCAL)
def test_a_model_whose_row_depends_on_its_own_key_is_clean(tmp_path: Path, model: str) -> None:
    assert said(tmp_path, DECLARED, model) == []


@pytest.mark.parametrize("model", CROSSING.values(), ids=CROSSING)
def test_a_model_that_looks_at_other_keys_is_refused_unless_it_is_declared(
    tmp_path: Path, model: str
) -> None:
    found = said(tmp_path, DECLARED, model)
    assert found and all(message.startswith("table.sql:1: table: ") for message in found)
    (tmp_path / "whole").mkdir()
    assert said(tmp_path / "whole", DECLARED.replace("whole: false", "whole: true"), model) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("测试表", "test", "table.yaml:2: table: the title is 'test'"),
        ("key: household_no", "key: household", "table.yaml:3: table: key household is no column"),
        ("  person: [", "  persn: [", "table.yaml:6: table: unknown entity persn"),
        (
            "resident_id, birth_date",
            "resident, birth_date",
            "table.yaml:6: table: nothing feeds person.resident",
        ),
        (", household_no]", "]", "table.yaml:6: table: person does not carry the key"),
        ("title: 数", "title: n", "table.yaml:9: table: column n has no Chinese title"),
        ("  n:", "  valid_from:", "table.yaml:9: table: column valid_from"),
        ("  n:", "  m:", "table.sql:1: table: the model selects household_no, n"),
        ("birth_date, ", "", "table.sql:1: table: Column"),
        ("columns:", "references: {x: person}\ncolumns:", "table.yaml:7: table: references: x is no column"),
    ],
)
def test_a_fault_of_a_declaration_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in DECLARED
    found = said(tmp_path, DECLARED.replace(old, new, 1), LOCAL["window"])
    assert any(each.startswith(message) for each in found), found


def test_a_model_and_its_inputs_name_the_same_tables(tmp_path: Path) -> None:
    found = said(tmp_path, DECLARED, "SELECT household_no, 1 AS n FROM {grid}")
    assert found == ["table.sql:1: table: the model and inputs differ in grid, person"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("whole: false\n", "", r"table.yaml:2: whole: Field required"),
        ("title: 数", "titel: 数", r"table.yaml:9: columns\.1\.titel|table.yaml:\d+: columns"),
        ("whole: false", "whole: false\nkind: x", r"table.yaml:5: kind: Unexpected"),
    ],
)
def test_a_declaration_that_cannot_be_read_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        said(tmp_path, DECLARED.replace(old, new, 1), LOCAL["grouped"])


def test_a_declaration_without_a_model_and_a_second_one_of_a_name_are_refused(tmp_path: Path) -> None:
    for name in ("first", "second"):
        folder = tmp_path / name / "_derived"
        folder.mkdir(parents=True)
        (folder / "table.yaml").write_text(DECLARED, encoding="utf-8")
    with pytest.raises(ContractError, match=r"there is no table\.sql beside it"):
        read_derived([tmp_path / "first"])
    for name in ("first", "second"):
        (tmp_path / name / "_derived" / "table.sql").write_text(LOCAL["grouped"], encoding="utf-8")
    with pytest.raises(ContractError, match=r"table is already declared in .*first"):
        read_derived([tmp_path / "first", tmp_path / "second"])
