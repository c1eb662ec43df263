"""What did not change is not made again: batch after batch the city is the same as if everything were made anew.

The oracle is the platform itself with nothing to rest on: every partition written as a whole.
"""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.platform import Platform
from assets.tasks import Stage, run_tasks
from quality.published import findings_of
from sample_city.generate import generate
from schemas.contract.library import Library
from schemas.contract.selection import select
from tests.loop import GOVERNED, with_corrections
from warehouse.collect.extracts.extract import NOTHING_NEW
from warehouse.collect.extracts.snapshot_diff import deliveries_of
from warehouse.collect.intake import reception
from warehouse.governance.derive import derived
from warehouse.lake.partition import Partition
from warehouse.lake.thresholds import Thresholds
from warehouse.standard.standardise import CORRECTIONS, no_corrections

# The last is months later: for rules that look at the day.
DAYS = [date(2026, 3, 2), date(2026, 3, 3), date(2026, 6, 8)]
DATASETS = [
    "police.population",
    "health.death",
    "medical_insurance.enrolment",
    "human_resources.employment",
    "market_regulation.enterprise",
    "housing.dwelling",
    "health.birth",
    "human_resources.pension",
    "education.school_roll",
]
SNAPSHOTS = ("户籍人口", "医保参保", "市场主体", "房屋")
"""Delivered every day otherwise; employment by what changed."""
UNCHANGED = ("死亡医学证明", "出生医学证明", "养老保险待遇", "学籍")
"""Delivered every day byte by byte the same: others change beside them, and days pass."""
CERTIFIED = "YL00000001"
"""A pensioner whose certificate is of the first of May: in March that is yet to come."""
CERTIFIED_LATER = (pl.col("rule") == "certified_after_batch") & (pl.col("record_key") == CERTIFIED)


@dataclass(frozen=True)
class Bureau:
    """An installation of these datasets, and the stages between extract and publication."""

    platform: Platform

    @property
    def library(self) -> Library:
        return self.platform.library

    def turn(self, folder: Path, day: date, corrections: pl.DataFrame) -> None:
        platform, library = self.platform, self.library
        at = datetime(day.year, day.month, day.day, 8)
        reception.deliver(platform.home, library, sorted(folder.iterdir()), day, at)
        with platform.open_batch(day) as opened:
            made = run_tasks(platform, opened, only=GOVERNED, instead=with_corrections(platform, corrections))
        assert not any(done.refused for key, done in made.items() if key[0] == Stage.EXTRACT)

    def state(self, day: date) -> dict[str, list[str]]:
        """Everything that a reader may see of a day; but of a standard row not with which delivery it came first."""
        lake, library = self.platform.lake, self.library
        found = {"findings": f"SELECT * EXCLUDE (finding_id, _row) FROM ({findings_of(lake, library, day)})"}
        tables = [entity.name for entity in library.fed_entities] + list(derived(library))
        for layer, names in (("standard", DATASETS), ("governance", tables), ("history", tables)):
            aside = "EXCLUDE (_row, _line, _sheet, _extract_id)" if layer == "standard" else ""
            for name in names:
                partition = lake.as_of(layer, name, day)
                if partition is not None:
                    found[f"{layer} {name}"] = f"SELECT * {aside} FROM {partition.scan}"
        with duckdb.connect() as connection:
            return {
                name: sorted(map(repr, connection.execute(query).fetchall())) for name, query in found.items()
            }

    def partition(self, layer: str, name: str, day: date) -> Partition:
        found = self.platform.lake.as_of(layer, name, day)
        assert found is not None
        return found


def lines(file: Path) -> list[str]:
    content = file.read_bytes()
    return content.decode("utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "gb18030").splitlines()


def delta(file: Path, target: Path, day: int) -> None:
    """What changed of a snapshot: a record otherwise, one gone, one that is new, and one as it was."""
    head, *rows = lines(file)
    otherwise, gone, new, same = (row.split(",")[:-1] for row in rows[day * 10 : day * 10 + 4])
    sent = [
        [*otherwise[:-1], "不详", "修改"],
        [*gone, "删除"],
        [new[0].replace("0", "9"), *new[1:], "新增"],
        [*same, "修改"],
    ]
    target.write_text("\n".join([head, *map(",".join, sent), ""]), encoding="gb18030")


def changed(file: Path, target: Path, day: int, gone: str | None = None) -> None:
    """A later snapshot: rows otherwise, gone, new, twice, as they were two days before, and in another order.

    The row with the key `gone` is gone.

    Rows of a key that stands twice stay in their order: which of them is the first is not the same for a row that
    came before the other and for one that stands before it.
    """
    head, *rows = lines(file)
    dice = random.Random(f"{file.name} {day}")
    keys = Counter(row.split(",")[0] for row in rows)
    twice = [row for row in rows if keys[row.split(",")[0]] > 1]
    rows = [row for row in rows if keys[row.split(",")[0]] == 1 and row.split(",")[0] != gone]
    for _ in range(max(1, len(rows) // 150)):
        place = dice.randrange(len(rows))
        cells = rows[place].split(",")
        # A cell loses its end, or is what its neighbour is.
        spot = dice.randrange(1, len(cells) - 1)
        cells[spot] = cells[spot][:-1] if dice.random() < 0.5 else cells[spot - 1]
        rows[place] = ",".join(cells)
    del rows[dice.randrange(len(rows))]
    key, *cells = rows[dice.randrange(len(rows))].split(",")
    dice.shuffle(rows)
    copied = rows[dice.randrange(len(rows))]
    new = ",".join([key.replace("1", "2"), *cells])
    target.write_text("\n".join([head, *rows, *twice, copied, new, ""]), encoding="gb18030")


def replace(file: Path, key: str, of: str, title: str, text: str) -> None:
    """Another text in a cell, in the row that has `of` in the column `key`."""
    head, *rows = lines(file)
    titles = head.split(",")
    cells = [row.split(",") for row in rows]
    for row in cells:
        if row[titles.index(key)] == of:
            row[titles.index(title)] = text
    file.write_text("\n".join([head, *map(",".join, cells), ""]), encoding="gb18030")


def a_mother_who_moves(folder: Path) -> tuple[str, str]:
    """A mother in the population, and a village of another township. On the certificate of birth a date is none."""
    [births], [population] = folder.glob("出生医学证明*.csv"), folder.glob("户籍人口*.csv")
    head, *people = (line.split(",") for line in lines(population))
    villages = {row[head.index("公民身份号码")]: row[head.index("村居代码")] for row in people}
    titles, *rows = (line.split(",") for line in lines(births))
    mothers = [row[titles.index("母亲身份证号")] for row in rows]
    mother = next(m for m in mothers if mothers.count(m) == 1 and len(villages.get(m, "")) == 12)
    elsewhere = next(v for v in sorted(villages.values()) if len(v) == 12 and v[:9] != villages[mother][:9])
    replace(births, "母亲身份证号", mother, "签发日期", "不详日")
    return mother, elsewhere


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A folder for each day."""
    folder = tmp_path_factory.mktemp("deliveries")
    first = folder / "first"
    generate(first, 1_000, 1, DAYS[0])
    [employment] = first.glob("就业登记*.csv")
    head, *rows = lines(employment)
    place = head.split(",").index("用人单位统一社会信用代码")
    # An employer that is gone: of its people nothing else is new.
    employers = Counter(code for row in rows if (code := row.split(",")[place]))
    gone = employers.most_common(1)[0][0]
    mother, elsewhere = a_mother_who_moves(first)
    [pension] = first.glob("养老保险待遇*.csv")
    replace(pension, "待遇编号", CERTIFIED, "最近资格认证日期", "2026-05-01")
    days = []
    for number, day in enumerate(DAYS):
        sent = folder / day.isoformat()
        sent.mkdir()
        for name in SNAPSHOTS:
            [file] = first.glob(f"{name}_*.csv")
            # Every second day the first day's file comes again, in another order.
            changed(file, sent / file.name, number if number % 2 else 0, gone if number == 1 else None)
            if name == "户籍人口" and number:
                replace(sent / file.name, "公民身份号码", mother, "村居代码", elsewhere)
        for name in UNCHANGED:
            [file] = first.glob(f"{name}_*")
            shutil.copy(file, sent / file.name)
        if number:
            delta(employment, sent / f"就业登记变更_{number}.csv", number)
        else:
            shutil.copy(employment, sent / employment.name)
        days.append(sent)
    return days


@pytest.fixture(scope="module")
def corrections(deliveries: list[Path]) -> list[pl.DataFrame]:
    """For each day the corrections in force: none, two, one of them and another."""
    file = next(deliveries[0].glob("户籍人口*.csv"))
    rows = [line.split(",") for line in file.read_text(encoding="gb18030").splitlines()]
    title = rows[0].index("姓名")
    keys = {row[rows[0].index("公民身份号码")]: row[title] for row in rows[1:]}
    known = [(key, name) for key, name in sorted(keys.items()) if len(key) == 18 and name][:3]
    laid = [
        {
            "dataset": "police.population",
            "record_key": key,
            "field": "name",
            "delivered": name,
            "value": "改正",
        }
        for key, name in known
    ]
    frames = [pl.DataFrame(some, schema=CORRECTIONS) for some in (laid[:2], laid[1:])]
    return [no_corrections(), *frames]


@pytest.fixture(scope="module")
def bureaus(
    install: Callable[[Path], Platform],
    tmp_path_factory: pytest.TempPathFactory,
    deliveries: list[Path],
    corrections: list[pl.DataFrame],
) -> tuple[Bureau, Bureau, Bureau]:
    """One that rests on what it has, one that makes everything anew, and one that rests but merges every patch at once.

    After three days; the first they share.
    """
    (first, *later) = zip(DAYS, deliveries, corrections, strict=True)
    folder = tmp_path_factory.mktemp("bureaus")
    made = []
    for name, share, patches in (("resting", 0.5, 30), ("anew", -1.0, 30), ("merging", 0.5, 0)):
        if made:
            shutil.copytree(folder / "evening", folder / name)
        platform = install(folder / name)
        platform = dataclasses.replace(
            platform,
            library=select(platform.library, DATASETS),
            thresholds=Thresholds(few_rows=0, affected_share=share, changed_share=share, patches=patches),
        )
        bureau = Bureau(platform)
        if not made:
            bureau.turn(first[1], first[0], first[2])
            shutil.copytree(folder / name, folder / "evening")
        for day, sent, laid in later:
            bureau.turn(sent, day, laid)
        made.append(bureau)
    return made[0], made[1], made[2]


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_a_turn_that_rests_on_the_one_before_ends_like_one_that_does_not(
    bureaus: tuple[Bureau, Bureau, Bureau], day: date
) -> None:
    resting, anew, merging = (bureau.state(day) for bureau in bureaus)
    assert resting.keys() == anew.keys() == merging.keys()
    for name in anew:
        assert resting[name] == anew[name], name
        assert merging[name] == anew[name], name


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        ("extract", "police.population"),
        ("standard", "police.population"),
        ("standard", "housing.dwelling"),
        ("standard", "human_resources.employment"),
        ("governance", "person"),
        ("governance", "household"),
    ],
)
def test_only_what_is_otherwise_is_written(
    bureaus: tuple[Bureau, Bureau, Bureau], layer: str, name: str
) -> None:
    resting, anew, merging = bureaus
    first = resting.partition(layer, name, DAYS[0])
    later = resting.partition(layer, name, DAYS[1])
    assert later.parts[0] == first.parts[0]
    assert [0 < part.rows + part.lost < first.rows / 10 for part in later.parts[1:]] == [True]
    assert all(len(anew.partition(layer, name, day).parts) == 1 for day in DAYS)
    merged = merging.partition(layer, name, DAYS[1]).merged
    assert merged is not None
    assert merged.last.identity == later.parts[-1].identity


def test_what_is_found_in_the_same_rows_changes_with_the_days_and_with_what_stands_beside_them(
    bureaus: tuple[Bureau, Bureau, Bureau],
) -> None:
    resting, _, _ = bureaus
    first, second, last = (findings(resting, day) for day in DAYS)
    assert {day.filter(CERTIFIED_LATER).height for day in (first, second)} == {1}
    assert last.filter(CERTIFIED_LATER).is_empty()
    # Four hundred days after the certificate, and in June three months more have passed.
    overdue = pl.col("rule") == "certification_overdue"
    assert 0 < first.filter(overdue).height < last.filter(overdue).height
    # The mother moved to another township.
    moved = (pl.col("dataset") == "health.birth") & (pl.col("observed") == "不详日")
    assert [day.filter(moved)["unit_code"].n_unique() for day in (first, second)] == [1, 1]
    assert first.filter(moved)["unit_code"].item() != second.filter(moved)["unit_code"].item()


def findings(bureau: Bureau, day: date) -> pl.DataFrame:
    with duckdb.connect() as connection:
        return connection.execute(findings_of(bureau.platform.lake, bureau.library, day)).pl()


def test_the_same_file_again_is_not_read_and_nothing_is_made_of_it(
    bureaus: tuple[Bureau, Bureau, Bureau],
) -> None:
    resting, _, _ = bureaus
    first = resting.partition("extract", "health.death", DAYS[0])
    last = resting.partition("extract", "health.death", DAYS[-1])
    assert (last.batch, last.parts) == (DAYS[-1], first.parts)
    assert resting.partition("standard", "health.death", DAYS[-1]).batch == DAYS[0]
    # It was delivered all the same, and its receipt tells what was found in it.
    assert len(deliveries_of(last)) == 1
    [told] = resting.platform.home.inbox.glob(f"{DAYS[-1]}/{last.facts['extract_id']}/reading.json")
    [before] = resting.platform.home.inbox.glob(f"{DAYS[0]}/{first.facts['extract_id']}/reading.json")
    now, then = (json.loads(path.read_bytes()) for path in (told, before))
    assert now.pop("remarks") == [*then.pop("remarks"), NOTHING_NEW]
    assert now == then


def test_a_row_keeps_its_number_and_the_delivery_that_brought_it(
    bureaus: tuple[Bureau, Bureau, Bureau],
) -> None:
    resting, _, _ = bureaus
    first = resting.partition("extract", "police.population", DAYS[0])
    later = resting.partition("extract", "police.population", DAYS[1])
    with duckdb.connect() as connection:
        places = "SELECT COLUMNS(c -> c NOT LIKE '\\_%' ESCAPE '\\' OR c IN ('_row', '_line', '_extract_id'))"
        kept = connection.execute(
            f"SELECT count(*) FROM ({places} FROM {first.scan} INTERSECT {places} FROM {later.scan})"
        ).fetchone()
        assert kept is not None
        assert kept[0] == first.rows - later.parts[1].lost
        again = connection.execute(f"SELECT count(*) - count(DISTINCT _row) FROM {later.scan}").fetchone()
    assert again == (0,)
