"""docs/extending.md is followed to the letter: its files lie in a bureau's folder, its classes run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

import pytest

from pipelines.declarations import problems
from pipelines.settings import Settings
from schemas.codes import CodeLibrary
from schemas.contract.library import load_library
from schemas.document import ContractError
from schemas.kinds import KINDS, read_kinds
from schemas.lints.kinds import problems as kind_problems
from warehouse.engine.connection import Engine
from warehouse.home.files import digest_of
from warehouse.incremental.context import BatchContext
from warehouse.incremental.inputs import Inputs, Predecessor
from warehouse.incremental.machine import bring_up_to_date
from warehouse.incremental.scratch import Scratch
from warehouse.incremental.stage import Stage, Work
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake, Origin
from warehouse.lake.thresholds import Thresholds

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```(?:yaml|sql) (\S+)\n(.*?)```", PAGE, re.DOTALL))
OWN = {name: text for name, text in FILES.items() if not name.startswith("schemas/")}
FIRST, SECOND = date(2026, 3, 2), date(2026, 3, 3)


@pytest.fixture
def bureau(tmp_path: Path) -> Path:
    folder = tmp_path / "bureau"
    for name, text in OWN.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def settings(tmp_path: Path, bureau: Path) -> Settings:
    return Settings(home=tmp_path / "home", contracts=(bureau,))


def test_the_files_of_the_page_have_no_problems(tmp_path: Path, bureau: Path) -> None:
    assert len(OWN) == 8
    assert problems(settings(tmp_path, bureau)) == []
    library = load_library([bureau])
    assert "market.stall" in {contract.id for contract in library}
    assert "stall" in {entity.name for entity in library.fed_entities}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("_entities.yaml", "title: 摊位", "title: stall"),
        ("market/stall.yaml", "violates: rent >= 12000", "violates: rents >= 12000"),
        ("_authority.yaml", "  rent: [market.stall]\n", ""),
        ("_derived/stall_holder.yaml", "rent: {type: number", "rent: {type: numbre"),
        ("_derived/stall_holder.sql", "sum(rent)", "sum(rents)"),
        ("_derived/stall_holder.sql", "count(*)", "sum(count(*)) OVER ()"),
        ("_sheets/stalls.sql", "holder, rent", "holder, rents"),
        ("_sheets/_packages.yaml", "stalls", "stall"),
    ],
)
def test_a_slip_in_each_file_is_a_problem(
    tmp_path: Path, bureau: Path, name: str, old: str, new: str
) -> None:
    path = bureau / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    try:
        found = [str(problem) for problem in problems(settings(tmp_path, bureau))]
    except ContractError as error:
        found = [str(error)]
    assert any(name.rpartition("/")[2] in problem for problem in found), found


def test_a_kind_is_one_entry(tmp_path: Path) -> None:
    path = tmp_path / "kinds.yaml"
    path.write_text(KINDS.read_text(encoding="utf-8") + FILES["schemas/kinds.yaml"], encoding="utf-8")
    assert [str(problem) for problem in kind_problems(CodeLibrary(), path)] == []
    assert read_kinds(path)["social_card_no"].masked


def stage_of_the_page() -> type[Stage]:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names = {
        "dataclass": dataclass, "Stage": Stage, "Partition": Partition, "Inputs": Inputs, "Work": Work,
        "ClassVar": ClassVar, "Layer": Layer, "digest_of": digest_of, "Predecessor": Predecessor, "Scratch": Scratch,
        "__name__": __name__,
    }  # fmt: skip
    exec(code, names)
    found = names["RentStage"]
    assert isinstance(found, type)
    return found


@pytest.mark.parametrize("few", [0, 1_000_000], ids=["amended", "anew"])
def test_a_stage_is_brought_up_to_date(tmp_path: Path, few: int) -> None:
    thresholds = Thresholds(few_rows=few, affected_share=1.0, changed_share=1.0, patches=30)
    lake = Lake(tmp_path / "lake", thresholds=thresholds)
    rent_stage = stage_of_the_page()
    made = {}
    with Engine(tmp_path / "spill", CodeLibrary()).connect() as connection:
        for day, rents in ((FIRST, {"A1": 900, "A2": 1100}), (SECOND, {"A1": 1200, "A3": 100})):
            rows = " UNION ALL ".join(
                f"SELECT '{stall}' AS stall_no, {rent} AS rent" for stall, rent in rents.items()
            )
            query = f"SELECT * FROM ({rows}) ORDER BY stall_no"
            stalls = lake.write(connection, Layer.GOVERNANCE, "stall", day, query, Origin({"day": str(day)}))
            context = BatchContext(connection, lake, load_library(), CodeLibrary(), day)
            made[day] = bring_up_to_date(context, rent_stage(stalls))  # type: ignore[call-arg]
        found = connection.execute(
            f"SELECT stall_no, level FROM {made[SECOND].scan} ORDER BY stall_no"
        ).fetchall()
    assert found == [("A1", "高"), ("A3", "低")]
