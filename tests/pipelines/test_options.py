"""Contracts that were found clean are not linted again, until anything changes that the judgement follows from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer

import schemas.lint
from pipelines.commands import options
from pipelines.settings import Settings
from warehouse.home.folders import Home


class Asked:
    """A command that asks for linted contracts, with a linter that says `problems`."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.bureau, self.home = folder / "bureau", Home(folder)
        (self.bureau / "_codes").mkdir(parents=True)
        self.problems: list[str] = []
        self.linted = 0
        platform = SimpleNamespace(home=self.home, codes=None)
        patch.setattr(options, "platform_of", lambda _: platform)
        patch.setattr(options, "problems", self.lint)

    def lint(self, *_: object) -> list[str]:
        self.linted += 1
        return self.problems

    def lints(self) -> int:
        """How often a command lints."""
        before = self.linted
        context = SimpleNamespace(obj=Settings(self.home.root, (self.bureau,)))
        options.linted_platform_of(cast(Any, context))
        return self.linted - before


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    made = Asked(tmp_path, monkeypatch)
    assert [made.lints(), made.lints(), made.lints()] == [1, 0, 0]
    return made


@pytest.mark.parametrize("name", ["line.yaml", "_entities.yaml", "_codes/kind.csv", "_codes/_tables.yaml"])
def test_a_file_that_comes_changes_or_goes_is_linted(asked: Asked, name: str) -> None:
    (asked.bureau / name).write_text("a", encoding="utf-8")
    assert [asked.lints(), asked.lints()] == [1, 0]
    (asked.bureau / name).write_text("b", encoding="utf-8")
    assert [asked.lints(), asked.lints()] == [1, 0]
    (asked.bureau / name).unlink()
    assert [asked.lints(), asked.lints()] == [1, 0]


def test_a_linter_of_other_libraries_or_with_other_files_lints(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(schemas.lint, "version", lambda _: "another")
    assert [asked.lints(), asked.lints()] == [1, 0]
    monkeypatch.setattr(schemas.lint, "__file__", str(tmp_path / "bureau" / "lint.py"))
    assert [asked.lints(), asked.lints()] == [1, 0]


def test_what_has_problems_is_linted_every_time(asked: Asked) -> None:
    asked.problems = ["a problem"]
    (asked.bureau / "line.yaml").write_text("a", encoding="utf-8")
    for _ in range(2):
        before = asked.linted
        with pytest.raises(typer.Exit):
            asked.lints()
        assert asked.linted == before + 1


@pytest.mark.parametrize("left", [b"", b"\xff\x00", b"0" * 64])
def test_a_fingerprint_that_is_damaged_costs_a_lint_and_nothing_else(asked: Asked, left: bytes) -> None:
    asked.home.clean_contracts.write_bytes(left)
    assert [asked.lints(), asked.lints()] == [1, 0]


def test_where_nothing_can_be_written_every_command_lints(asked: Asked) -> None:
    asked.home.clean_contracts.unlink()
    asked.home.clean_contracts.mkdir()
    assert [asked.lints(), asked.lints()] == [1, 1]
