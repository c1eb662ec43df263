"""A register that was cut short, emptied or edited is named; what was kept of answers is watched."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from warehouse.home.folders import Home
from warehouse.home.integrity import answer_damage
from warehouse.home.register import is_edited, missing, note, registered


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    for place in ("returns/2026-03-02/index.json", "returns/2026-03-02/summary.html"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("{}")
    note(home)
    return home


@pytest.mark.parametrize("content", ["", "returns/2026-03-02/index.json\n", "x\n" * 50])
def test_a_register_that_was_changed_is_named_and_noted_anew(home: Home, content: str) -> None:
    whole = registered(home)
    assert not is_edited(home)
    home.register.write_text(content)
    assert is_edited(home)
    note(home)
    assert not is_edited(home)
    assert sorted(thing.place for thing in registered(home)) == sorted(thing.place for thing in whole)


def test_an_invented_line_is_not_called_a_database(home: Home) -> None:
    with home.register.open("a") as file:
        file.write("invented\n")
    ((_, damage),) = missing(home)
    assert "不是平台写的" in damage.problem


def test_a_register_without_a_seal_is_of_an_earlier_version(home: Home) -> None:
    home.register_seal.unlink()
    assert not is_edited(home)
    note(home)
    assert home.register_seal.exists()


def test_taken_in_workbooks_that_are_gone_or_changed_are_named(home: Home) -> None:
    done = home.answers / "done"
    done.mkdir(parents=True)
    path = done / f"{hashlib.sha256(b'answers').hexdigest()[:12]}-街道.xlsx"
    path.write_bytes(b"answers")
    note(home)
    assert list(answer_damage(home)) == []
    path.write_bytes(b"others")
    assert [damage.path for damage in answer_damage(home)] == [path]
    path.unlink()
    ((_, damage),) = missing(home)
    assert damage.path == path
