"""Mutated files are read with every row they hold, or refused in Chinese; a sound file of the batch is taken in."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from tests.fuzz.judge import judge
from tests.fuzz.mutate import OF_FORMAT, mutant
from tests.fuzz.specimens import BATCH, Specimen, specimens
from warehouse.collect.intake import reception
from warehouse.home.folders import Home

# How many mutants of each format, and the most seconds that one may take on a machine that is busy.
MUTANTS = {"csv": 55, "dbf": 50, "reply": 35, "sqlite": 40, "xls": 25, "xlsx": 40, "zip": 55}
SLOWEST = 20


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> list[Specimen]:
    """Small files, so that many mutants take little time; the long run takes all."""
    every = specimens(tmp_path_factory.mktemp("specimens"))
    return [each for each in every if len(each.content) < 30_000]


def test_every_sound_file_is_read(sound: list[Specimen], tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        for number, specimen in enumerate(sound):
            folder = tmp_path / str(number)
            folder.mkdir()
            assert judge(specimen, specimen.content, connection, folder) == "read", specimen.name


@pytest.mark.parametrize("kind", OF_FORMAT)
def test_a_mutant_is_read_whole_or_refused_in_chinese(
    kind: str, sound: list[Specimen], tmp_path: Path
) -> None:
    own = [each for each in sound if each.kind == kind]
    with duckdb.connect(config={"threads": 1}) as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(MUTANTS[kind]):
            specimen = own[number % len(own)]
            folder = tmp_path / str(number)
            folder.mkdir()
            start = time.perf_counter()
            try:
                judge(specimen, mutant(kind, specimen.content, number), connection, folder)
            except BaseException as error:
                error.add_note(f"mutant {number} of {specimen.name}")
                raise
            assert time.perf_counter() - start < SLOWEST, f"mutant {number} of {specimen.name}"
            shutil.rmtree(folder)


def test_the_rest_of_a_batch_is_taken_in_whatever_comes_with_it(
    sound: list[Specimen], tmp_path: Path, install: Callable[[Path], object]
) -> None:
    library = install(tmp_path / "home").library  # type: ignore[attr-defined]
    files = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, specimen in enumerate(sound):
            if specimen.layout is None:
                continue
            path = tmp_path / str(number) / specimen.name
            path.parent.mkdir()
            path.write_bytes(mutant(specimen.kind, specimen.content, 1000 + number))
            files.append(path)
    (good,) = [each for each in sound if each.name.startswith("最低生活保障")]
    files.append(tmp_path / good.name)
    files[-1].write_bytes(good.content)
    receipts = reception.deliver(Home(tmp_path / "home"), library, files, BATCH, datetime(2026, 3, 2, 8))
    assert {receipt.file.split("/")[0] for receipt in receipts} == {path.name for path in files}
    assert receipts[-1].status in ("received", "repeated")
    for receipt in receipts:
        assert receipt.status != "set_aside" or receipt.message.startswith("文件“")
