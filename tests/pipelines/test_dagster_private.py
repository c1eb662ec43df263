"""Dagster's private modules are used in one place, and are there in the Dagster that is installed."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from pipelines import dagster_private

ROOT = Path(__file__).parents[2]
ONLY_HERE = ROOT / "pipelines" / "dagster_private.py"


def private_imports(path: Path) -> list[tuple[str, str]]:
    """Module and names of what a file imports of Dagster's private modules, wherever in the file; no name for all."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            found += [(node.module or "", alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("dg", "dagster"):
            found += [("dagster", node.attr)]
    return [(module, name) for module, name in found if is_private(f"{module}.{name}")]


def is_private(name: str) -> bool:
    return name.startswith(("dagster._", "dagster_webserver")) and name != "dagster.__version__"


@pytest.mark.parametrize(("module", "name"), private_imports(ONLY_HERE))
def test_dagster_has_what_we_use_of_its_private_modules(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name), f"{module} has no {name}: Dagster has moved it"


def test_nothing_else_imports_private_modules_of_dagster() -> None:
    files = [
        path
        for folder in ("assets", "benchmarks", "pipelines", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if path != ONLY_HERE
    ]
    assert len(private_imports(ONLY_HERE)) > 20
    assert {path.name: private_imports(path) for path in files if private_imports(path)} == {}


def test_every_name_that_is_handed_on_is_there() -> None:
    assert all(hasattr(dagster_private, name) for name in dagster_private.__all__)
