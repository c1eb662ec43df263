"""Formats, semantic kinds, entities and derived tables are declared once: no module lists them again.

A module that writes the names of two of them would have to be changed with every new one. It reads the declarations
instead. A single name is allowed: a dBase reader may say that it reads dBase.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from schemas.contract.library import load_library
from schemas.formats import load_formats
from schemas.kinds import load_kinds

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "warehouse", "quality", "returns", "assets", "pipelines")

# Where a name of a kind must stand beside others, each with its reason.
FORMATS_MAY_STAND_IN = {
    "warehouse/collect/readers/registry.py": "binds each format to the functions that read it",
    "returns/packages/build.py": "names the files of a package, which the platform writes and no department delivers",
    "returns/replies/submission.py": "tells the workbook that comes back from the texts beside it in a package",
    "warehouse/collect/readers/text/encoding.py": "gives names to the marks of two records",
}


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def declarations_of_others() -> list[Path]:
    """The YAML files that the code reads and that declare no contract, kind, entity, derived table or sheet."""
    own = ("schemas/contracts/", "schemas/kinds.yaml", "schemas/formats.yaml", "returns/packages/sheets/")
    found = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.yaml"))]
    return [path for path in found if not str(path.relative_to(ROOT)).startswith(own)]


def constants(text: str) -> Iterator[str]:
    """Every text constant of a module but docstrings."""
    tree = ast.parse(text)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def listed(text: str, names: Mapping[str, str]) -> set[str]:
    """The declared things that a module names, by the texts that stand for each."""
    return {names[constant] for constant in constants(text) if constant in names}


def spelled_formats() -> dict[str, str]:
    """Each way in which code may name a format: its name, and its suffixes."""
    return {
        spelling: found.name
        for found in load_formats().values()
        for spelling in (found.name, *found.suffixes)
    }


def repeated(names: Mapping[str, str], allowed: Iterable[str] = ()) -> dict[str, set[str]]:
    """The modules that name two or more, and which."""
    found = {
        str(path.relative_to(ROOT)): listed(path.read_text(encoding="utf-8"), names) for path in modules()
    }
    return {path: every for path, every in found.items() if len(every) > 1 and path not in set(allowed)}


def spelled_kinds() -> dict[str, str]:
    """Each semantic kind by its name, also as the value of a contract's property."""
    return {name: name for name in load_kinds()}


def test_no_module_lists_the_semantic_kinds_again() -> None:
    assert repeated(spelled_kinds()) == {}


def spelled_tables() -> dict[str, str]:
    """Each entity and derived table by its name, alone or as the name of the published table."""
    library = load_library()
    names = [entity.name for entity in library.entities] + [table.name for table in library.derived]
    return {spelling: name for name in names for spelling in (name, f"governance.{name}")}


def test_no_module_lists_the_entities_and_derived_tables_again() -> None:
    assert repeated(spelled_tables()) == {}


@pytest.mark.parametrize("path", declarations_of_others(), ids=lambda path: path.name)
def test_no_other_declaration_lists_what_is_declared(path: Path) -> None:
    """Suites and allow-lists of our own: a table that is declared needs no entry there."""
    text = path.read_text(encoding="utf-8")
    keys = set(re.findall(r"(?m)^\s*(?:- )?([\w.]+):", text))
    for names in (spelled_tables(), spelled_kinds()):
        assert len({names[key] for key in keys if key in names}) <= 1


def test_no_module_lists_the_formats_again() -> None:
    assert repeated(spelled_formats(), FORMATS_MAY_STAND_IN) == {}


@pytest.mark.parametrize("path", FORMATS_MAY_STAND_IN)
def test_every_exception_is_needed(path: str) -> None:
    assert len(listed((ROOT / path).read_text(encoding="utf-8"), spelled_formats())) > 1


@pytest.mark.parametrize(
    "code",
    [
        'FORMS = {"csv": 1, "dbf": 2}',
        'Form = Literal["csv", "xlsx"]',
        'SUFFIXES = (".csv", ".db")',
        'def f(a):\n    if a == "csv":\n        return 1\n    return a == "xlsx"',
    ],
)
def test_a_list_is_seen_however_it_is_written(code: str) -> None:
    assert len(listed(code, spelled_formats())) == 2


def test_what_a_docstring_says_is_no_list() -> None:
    text = 'def f():\n    """Reads csv."""\n    return "xlsx"'
    assert listed(text, spelled_formats()) == {"xlsx"}
    assert listed('"""csv"""\nclass A:\n    """dbf"""', spelled_formats()) == set()
