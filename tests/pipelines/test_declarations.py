"""Where declarations lie: the shipped ones first, then each folder's own, and a name that is nearly right shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.declarations import problems
from pipelines.settings import Settings
from schemas.declared import Declaration, declared_at, misnamed


def test_each_kind_is_found_in_every_folder_the_shipped_first(tmp_path: Path) -> None:
    shipped, first, second, third = (tmp_path / name for name in "abcd")
    for folder in (shipped, first, second, third):
        folder.mkdir()
    for kind in Declaration:
        for folder in (first, third):
            (folder / kind).mkdir()
        assert declared_at(kind, [third, second, first], shipped) == [shipped, third / kind, first / kind]
        assert declared_at(kind, [second, first]) == [first / kind]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("_entites.yaml", "_entities.yaml"),
        ("_authority.yml", "_authority.yaml"),
        ("authority.yaml", "_authority.yaml"),
        ("_sheet", "_sheets"),
        ("_code", "_codes"),
    ],
)
def test_a_name_that_is_nearly_that_of_a_declaration_is_a_problem(
    tmp_path: Path, name: str, meant: str
) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / "_notes").mkdir()
    (tmp_path / "transport").mkdir()
    assert list(misnamed([tmp_path])) == [(tmp_path / name, meant)]


def test_the_linter_of_everything_says_so_and_binds_the_bureau_s_sheets(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "home", (tmp_path / "bureau",))
    sheets = tmp_path / "bureau" / "_sheets"
    sheets.mkdir(parents=True)
    (sheets / "_packages.yaml").write_text("department: [earlier, all_files]\n", encoding="utf-8")
    (sheets / "all_files.yaml").write_text(
        "{title: 文件, heading: 文件, frozen_columns: 0, protected: false, "
        "columns: [{name: file, title: 文件, width: 30}]}",
        encoding="utf-8",
    )
    query = "SELECT department AS unit_code, file FROM delivered_file, catalog_dataset"
    (sheets / "all_files.sql").write_text(query, encoding="utf-8")
    assert problems(settings) == []
    (sheets / "all_files.sql").write_text(
        query.replace("delivered_file", "delivered_files"), encoding="utf-8"
    )
    (problem,) = problems(settings)
    assert problem.path == sheets / "all_files.sql" and "delivered_files" in problem.message
    (tmp_path / "bureau" / "_sheet").mkdir()
    (problem,) = problems(settings)
    assert (problem.path.name, problem.advice) == ("_sheet", "did you mean _sheets?")
