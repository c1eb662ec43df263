"""A deferred module is read when it is used, by whoever uses it, and not before."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from quality.deferral import deferred

# The package has its module as an attribute only if somebody has imported it.
PACKAGE = "def __getattr__(name):\n    import importlib\n    return importlib.import_module('heavy_package.' + name)\n"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module that was imported while what it imports was deferred."""
    (tmp_path / "heavy_package").mkdir()
    (tmp_path / "heavy_package" / "__init__.py").write_text(PACKAGE)
    (tmp_path / "heavy_package" / "part.py").write_text("value = 2\n")
    (tmp_path / "heavy_module.py").write_text("value = 1\n")
    (tmp_path / "their_user.py").write_text(
        "import heavy_module as one\nfrom heavy_package import part as two\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with deferred("heavy_module", "heavy_package.part"):
        import their_user

        assert not read("heavy_module") and not read("heavy_package.part")
    yield their_user
    for name in ("heavy_module", "heavy_package", "heavy_package.part", "their_user"):
        sys.modules.pop(name, None)


def read(name: str) -> bool:
    return type(sys.modules.get(name)) is ModuleType


def test_who_uses_it_gets_what_it_has(user: Any) -> None:
    assert (user.one.value, user.two.value) == (1, 2)
    assert read("heavy_module") and read("heavy_package.part")
    with pytest.raises(AttributeError, match="no_such"):
        _ = user.one.no_such


def test_who_imports_it_afterwards_gets_the_module_itself(user: Any) -> None:
    import heavy_module
    from heavy_package import part

    assert type(heavy_module) is type(part) is ModuleType
    assert (heavy_module.value, part.value) == (1, 2)


def test_a_module_that_was_read_already_is_left_alone() -> None:
    with deferred("json"):
        assert read("json")
    assert read("json")
