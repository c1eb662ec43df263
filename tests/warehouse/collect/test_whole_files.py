"""A file that is wrong as a whole is held, the one before stays in force, and a normal month holds nothing.

Each mishap is made from a file of the sample city: rows and columns are mixed up as an export mixes them up.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pytest

from schemas.contract.library import Library
from schemas.contract.odcs import read_contract
from tests.conftest import FIRST, sample_city
from warehouse.collect.extracts.extract import Extraction, extract
from warehouse.collect.intake import reception
from warehouse.collect.intake.reception import Receipt, hold_of
from warehouse.engine.connection import Engine
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext
from warehouse.lake.layers import Layer
from warehouse.lake.store import Lake

MONTH = date(2026, 4, 2)
LATER = (date(2026, 5, 2), date(2026, 6, 2), date(2026, 7, 2), date(2026, 8, 2))
POPULATION, GRID, PENSION = "police.population", "grid.resident", "human_resources.pension"
ALLOWANCE, DWELLING, INSURED = (
    "civil_affairs.elderly_allowance", "housing.dwelling", "medical_insurance.enrolment",
)  # fmt: skip
FILES = {
    POPULATION: "户籍人口_{}.csv",
    GRID: "实有人口_{}.csv",
    PENSION: "养老保险待遇_{}.csv",
    ALLOWANCE: "高龄津贴_{}.csv",
    DWELLING: "房屋_{}.csv",
    INSURED: "医保参保_{}.csv",
}
Row = dict[str, str]
Change = Callable[[list[Row]], list[Row]]


@pytest.fixture(scope="module")
def samples(shared_folder: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """What the departments send on the first day and a month later."""

    def fill(folder: Path) -> None:
        for day in (FIRST, MONTH):
            sample_city().generate(folder, day)

    return shared_folder("whole-files", fill)


@dataclass
class Office:
    """An installation to which files of one dataset are delivered."""

    home: Home
    lake: Lake
    library: Library
    engine: Engine
    samples: Path
    dataset: str = POPULATION

    def sample(self, day: date) -> Path:
        return self.samples / FILES[self.dataset].format(f"{day:%Y%m%d}")

    def rows(self, day: date = MONTH) -> list[Row]:
        text = self.sample(day).read_bytes().decode(self._encoding)
        return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))

    def written(self, rows: list[Row], day: date = MONTH) -> bytes:
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue().encode(self._encoding)

    def deliver(self, content: bytes, day: date, confirm: str | None = None) -> Receipt:
        path = self.home.root / FILES[self.dataset].format(f"{day:%Y%m%d}")
        path.write_bytes(content)
        at = datetime(day.year, day.month, day.day, 8)
        (receipt,) = reception.deliver(
            self.home, self.library, [path], day, at, reception.Terms(self.dataset, confirm)
        )
        return receipt

    def extract(self, day: date) -> Extraction:
        with self.engine.connect() as connection:
            context = BatchContext(connection, self.lake, self.library, self.engine.codes, day)
            return extract(context, self.home, self.library[self.dataset])

    def first(self) -> None:
        """The file of the first day is in force."""
        self.deliver(self.sample(FIRST).read_bytes(), FIRST)
        assert self.extract(FIRST).refused == ()

    def then(self, change: Change, day: date = MONTH) -> Receipt:
        """A month later a file comes that is otherwise than the department's."""
        receipt = self.deliver(self.written(change(self.rows())), day)
        self.extract(day)
        return receipt

    def in_force(self, day: date = MONTH) -> date:
        partition = self.lake.as_of(Layer.EXTRACT, self.dataset, day)
        assert partition is not None
        return partition.batch

    @property
    def _encoding(self) -> str:
        try:
            self.sample(FIRST).read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            return "gb18030"
        return "utf-8"


@pytest.fixture
def office(engine: Engine, library: Library, samples: Path, tmp_path: Path) -> Iterator[Office]:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    yield Office(home, Lake(home.lake), library, engine, samples)


def column(title: str, value: Callable[[str], str]) -> Change:
    """A mishap that changes a column of every row."""
    return lambda rows: [{**row, title: value(row[title])} for row in rows]


def exchanged(one: str, other: str) -> Change:
    return lambda rows: [{**row, one: row[other], other: row[one]} for row in rows]


def without_place(title: str, prefix_length: int) -> Change:
    """All rows of the most frequent township or county are missing."""

    def change(rows: list[Row]) -> list[Row]:
        places = [row[title][:prefix_length] for row in rows]
        most = max(sorted(set(places)), key=places.count)
        return [row for row, place in zip(rows, places, strict=True) if place != most]

    return change


def yuan_of(text: str) -> float:
    """An amount, also one that a clerk wrote with its unit."""
    return float(text.strip("\uffe5\xa5元"))


MISHAPS = {
    "two fifths of the register are missing": (POPULATION, lambda rows: rows[: len(rows) * 3 // 5], "rows_fall"),
    "one in twenty is missing": (POPULATION, lambda rows: [r for i, r in enumerate(rows) if i % 20], "rows_fall"),
    "a township is missing": (POPULATION, without_place("村居代码", 9), "place_lost"),
    "a county of a list is missing": (PENSION, without_place("镇街代码", 6), "place_lost"),
    "every row twice": (POPULATION, lambda rows: [*rows, *rows], "rows_repeated"),
    "another city's file": (
        POPULATION,
        column("公民身份号码", lambda number: number.replace("3706", "3717")),
        "keys_lost",
    ),
    "names are masked": (POPULATION, column("姓名", lambda name: f"{name[:1]}*"), "masked"),
    "numbers went through a spreadsheet": (POPULATION, column("公民身份号码", lambda _: "3.70602E+17"), "scientific"),
    "village codes too": (POPULATION, column("村居代码", lambda _: "3.7E+11"), "scientific"),
    "a column is empty": (POPULATION, column("住址", lambda _: ""), "empty"),
    "names and addresses are exchanged": (POPULATION, exchanged("姓名", "住址"), "exchanged"),
    "two dates are exchanged": (PENSION, exchanged("待遇起始日期", "最近资格认证日期"), "exchanged"),
    "all are women": (POPULATION, column("性别", lambda _: "女"), "changed"),
    "every date of birth is the same": (POPULATION, column("出生日期", lambda _: "19000101"), "one_value"),
    "the date of collection is the same": (GRID, column("采集日期", lambda _: "2026-04-01"), "one_value"),
    "amounts in 分": (
        PENSION, column("月待遇金额(元)", lambda yuan: str(round(yuan_of(yuan) * 100)) if yuan else ""), "unit",
    ),
    "amounts a tenth": (
        ALLOWANCE, column("月津贴金额(元)", lambda yuan: f"{yuan_of(yuan) / 10:g}" if yuan else ""), "unit",
    ),
    "areas in square centimetres": (
        DWELLING, column("建筑面积(平方米)", lambda area: f"{float(area) * 10000:g}" if area else ""), "unit",
    ),
    "names slipped by one row": (
        POPULATION,
        lambda rows: [{**row, "姓名": above["姓名"]} for row, above in zip(rows, [rows[-1], *rows], strict=False)],
        "changed",
    ),
    "only the header": (POPULATION, lambda rows: [], "rows_fall"),
}  # fmt: skip


@pytest.mark.parametrize(("dataset", "change", "check"), MISHAPS.values(), ids=MISHAPS)
def test_a_mishap_is_held_and_the_earlier_file_stays(
    office: Office, dataset: str, change: Change, check: str
) -> None:
    office.dataset = dataset
    office.first()
    rows = office.rows()
    content = office.written(change(rows) or rows)
    if not change(rows):
        content = content.split(b"\r\n")[0] + b"\r\n"
    receipt = office.deliver(content, MONTH)
    done = office.extract(MONTH)
    hold = hold_of(receipt)
    assert hold is not None, done.partition and done.partition.facts["history"]
    assert check in hold["checks"]  # type: ignore[operator]
    assert office.in_force() == FIRST
    ((refused, message),) = done.refused
    assert refused == receipt
    assert message.startswith(
        f"文件“{receipt.file}”：整份文件看起来不对，暂不采用，继续使用 2026-03-02 批次的数据（"
    )
    assert "--confirm" in message


def test_a_normal_month_is_taken(office: Office) -> None:
    for dataset in FILES:
        office.dataset = dataset
        office.first()
        receipt = office.deliver(office.sample(MONTH).read_bytes(), MONTH)
        done = office.extract(MONTH)
        assert done.refused == () and hold_of(receipt) is None
        assert done.partition is not None and done.partition.facts["unusual"] == []


def test_other_spellings_of_the_same_values_are_no_change(office: Office) -> None:
    office.first()

    def spelled(rows: list[Row]) -> list[Row]:
        sexes = {"男": "1", "女": "2"}
        return [
            {
                **row,
                "公民身份号码": f" {row['公民身份号码'].lower()}",
                "性别": sexes.get(row["性别"], row["性别"]),
                "姓名": " ".join(row["姓名"]),
            }
            for row in rows
        ]

    assert hold_of(office.then(spelled)) is None
    assert office.in_force() == MONTH


def test_a_file_is_released_with_a_reason_and_replaced_by_another(office: Office) -> None:
    office.first()
    cut = office.written(office.rows()[:1500])
    receipt = office.deliver(cut, MONTH)
    office.extract(MONTH)
    assert office.in_force() == FIRST
    again = office.deliver(cut, MONTH, confirm="区划调整，已与公安局核对")
    assert (again.status, again.extract_id) == ("confirmed", receipt.extract_id)
    done = office.extract(MONTH)
    assert done.refused == () and hold_of(receipt) is None and office.in_force() == MONTH
    assert done.partition is not None
    (unusual, *_) = done.partition.facts["unusual"]  # type: ignore[misc]
    assert unusual.startswith("有 1,500 行，比目前使用的 ")
    assert f"{unusual}（已确认：区划调整，已与公安局核对）" in done.partition.facts["remarks"]  # type: ignore[operator]
    # The whole file comes after all: twice as many rows are unusual too.
    whole = office.deliver(office.sample(MONTH).read_bytes(), LATER[0])
    office.extract(LATER[0])
    assert hold_of(whole) is not None


def test_a_held_file_is_replaced_by_a_sound_one_of_the_same_batch(office: Office) -> None:
    office.first()
    office.deliver(office.written(office.rows()[:1500]), MONTH)
    office.extract(MONTH)
    office.deliver(office.sample(MONTH).read_bytes(), MONTH)
    done = office.extract(MONTH)
    assert done.refused == () and office.in_force() == MONTH


def test_what_always_moves_is_normal(office: Office) -> None:
    """Every month other certificates: three months in which half of the dates differ make it usual."""
    office.dataset = PENSION
    office.first()

    def certified(day: date) -> Change:
        return lambda rows: [
            {**row, "最近资格认证日期": f"{day:%Y-%m}-{number % 28 + 1:02}"} if number % 20 < 8 else row
            for number, row in enumerate(rows)
        ]

    for day in LATER[:3]:
        assert hold_of(office.then(certified(day), day)) is None
    all_of_them: Change = lambda rows: [  # noqa: E731
        {**row, "最近资格认证日期": f"2026-08-{number % 28 + 1:02}"} for number, row in enumerate(rows)
    ]
    assert hold_of(office.then(all_of_them, LATER[3])) is None


def test_the_same_bytes_under_a_new_name_are_remarked(office: Office) -> None:
    office.first()
    first = office.lake.partition(Layer.EXTRACT, office.dataset, FIRST)
    office.deliver(office.sample(FIRST).read_bytes(), MONTH)
    done = office.extract(MONTH)
    assert done.refused == () and done.partition is not None and first is not None
    before = first.facts["remarks"]
    assert isinstance(before, list)
    assert done.partition.facts["remarks"] == [*before, "与上一次交付的文件完全相同，没有新的变化"]


FIRST_MISHAPS = {
    "one date on every row": (GRID, column("采集日期", lambda _: "2026-04-01"), "one_value"),
    "names are masked": (INSURED, column("姓名", lambda name: f"{name[:1]}**"), "masked"),
    "numbers went through a spreadsheet": (INSURED, column("证件号码", lambda _: "4.0E+19"), "scientific"),
    "every row twice": (INSURED, lambda rows: [*rows, *rows], "rows_repeated"),
    "names and dates are exchanged": (INSURED, exchanged("姓名", "首次参保日期"), "form"),
}


@pytest.mark.parametrize(("dataset", "change", "check"), FIRST_MISHAPS.values(), ids=FIRST_MISHAPS)
def test_a_first_file_is_judged_by_itself(office: Office, dataset: str, change: Change, check: str) -> None:
    office.dataset = dataset
    receipt = office.then(change)
    hold = hold_of(receipt)
    assert hold is not None and check in hold["checks"]  # type: ignore[operator]
    assert office.lake.as_of(Layer.EXTRACT, dataset, MONTH) is None
    assert "此前没有可用的数据" in str(reception.refusal_of(receipt))


@pytest.mark.parametrize("dataset", FILES)
def test_a_file_that_is_cut_within_a_row_is_held(office: Office, dataset: str) -> None:
    office.dataset = dataset
    whole = office.sample(FIRST).read_bytes()
    rows = whole.splitlines(keepends=True)
    kept = b"".join(rows[: len(rows) * 7 // 10])
    receipt = office.deliver(kept[: kept.rindex(b",")], FIRST)
    office.extract(FIRST)
    hold = hold_of(receipt)
    assert hold is not None and hold["checks"] == ["cut_off"]


def test_changed_lines_alone_are_measured_as_the_whole_file(office: Office) -> None:
    """What is kept of a file of which only the changes were read is what is measured of all of it."""
    office.first()

    def some(rows: list[Row]) -> list[Row]:
        return [
            {**row, "联系电话": "", "住址": "*"} if number % 40 == 0 else row
            for number, row in enumerate(rows)
            if number % 100
        ]

    content = office.written(some(office.rows(FIRST)))
    office.deliver(content, MONTH, confirm="测试")
    amended = office.extract(MONTH).partition
    assert amended is not None and amended.row_id == "_row", "only changes are written"
    other = Office(Home(office.home.root / "other"), Lake(office.home.root / "other" / "lake"), office.library,
                   office.engine, office.samples)  # fmt: skip
    other.home.root.mkdir()
    other.deliver(content, MONTH)
    whole = other.extract(MONTH).partition
    assert whole is not None and whole.row_id is None
    told, expected = amended.facts["measures"], whole.facts["measures"]
    for facts in (told, expected):
        facts["counts"] = {  # type: ignore[index]
            name: count
            for name, count in facts["counts"].items()  # type: ignore[index]
            if not name.startswith("one_value")
        }
    assert told == expected


@pytest.mark.parametrize(("share", "held"), [("0.5", False), ("0.3", True), ("null", False)])
def test_a_contract_sets_its_own_limits(office: Office, tmp_path: Path, share: str, held: bool) -> None:
    source = office.library[POPULATION].path.read_text(encoding="utf-8")
    path = tmp_path / "population.yaml"
    limits = f"  - {{property: limits, value: {{rows_fall: {share}, keys_lost: null}}}}\n"
    path.write_text(
        source.replace("  - {property: label,", f"{limits}  - {{property: label,"), encoding="utf-8"
    )
    office.library = Library((read_contract(path),), office.library.entities, office.library.authority)
    office.first()
    receipt = office.then(lambda rows: rows[: len(rows) * 3 // 5])
    assert (hold_of(receipt) is not None) is held
