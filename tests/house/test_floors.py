"""The house keeps its shape: small folders, short modules, empty package files, no circles of imports."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
# Modules side by side in one folder, and lines of a module.
MOST_MODULES, MOST_LINES = 14, 450
FLOORS = ("schemas", "warehouse", "quality", "returns", "assets", "pipelines", "sample_city")


def _modules() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *(f"{floor}/*.py" for floor in FLOORS)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [ROOT / path for path in listed.split("\0") if path]


def test_a_folder_has_at_most_fourteen_modules() -> None:
    """More than that are grouped in folders of their own."""
    sizes = Counter(path.parent.relative_to(ROOT) for path in _modules() if path.name != "__init__.py")
    assert {str(folder): size for folder, size in sizes.items() if size > MOST_MODULES} == {}


def test_a_module_has_about_four_hundred_lines_at_most() -> None:
    """A longer one holds more than one thing."""
    lengths = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in _modules()}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_package_files_are_empty() -> None:
    """A name has one place from which it is imported."""
    files = [path for path in _modules() if path.name == "__init__.py"]
    assert [str(path.relative_to(ROOT)) for path in files if path.read_bytes().strip()] == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Which of them is imported first would decide whether the program starts."""
    graph = grimp.build_graph(*FLOORS, cache_dir=None)
    open_, done = set(), set()

    def circle(module: str, way: tuple[str, ...]) -> tuple[str, ...] | None:
        if module in open_:
            return (*way[way.index(module) :], module)
        if module in done:
            return None
        open_.add(module)
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            if found := circle(imported, (*way, module)):
                return found
        open_.remove(module)
        done.add(module)
        return None

    assert [found for module in sorted(graph.modules) if (found := circle(module, ()))] == []
