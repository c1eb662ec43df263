"""Standard, findings, agreement and governance of three small school datasets, every cell worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from quality.agreement.agree import agree
from quality.findings.verify import verify
from quality.published import findings_of
from schemas.codes import CodeLibrary
from schemas.contract.library import Library, load_library
from warehouse.engine.connection import Engine
from warehouse.governance.fuse import fuse
from warehouse.incremental.context import BatchContext
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake, Origin
from warehouse.lake.thresholds import Thresholds
from warehouse.standard.standardise import CORRECTIONS, no_corrections, standardise

TINY = Path(__file__).parents[1] / "data" / "tiny"
DAY = date(2026, 3, 2)
VILLAGE = "370602001001"  # 友谊街社区居民委员会 in 向阳街道


@dataclass
class School:
    """A lake with the three datasets in it, and the means to run the stages."""

    connection: duckdb.DuckDBPyConnection
    lake: Lake
    library: Library
    codes: CodeLibrary

    def on(self, day: date) -> BatchContext:
        return BatchContext(self.connection, self.lake, self.library, self.codes, day)

    def deliver(self, dataset: str, rows: list[tuple[str | None, ...]], day: date = DAY) -> None:
        columns = [column.name for column in self.library[dataset].delivered_columns]
        frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
        frame = frame.with_row_index("_line", 2).with_columns(pl.col("_line").cast(pl.Int64))
        # A number never comes again for another row.
        number = pl.col("_line") + (day - DAY).days * 1000
        told = {"_extract_id": pl.lit("E1"), "_row": number, "_sheet": pl.lit(None, pl.String)}
        self.connection.register("rows", frame.with_columns(**told))
        self.lake.write(self.connection, "extract", dataset, day, "FROM rows", Origin({"day": str(day)}))

    def standard(
        self, dataset: str, corrections: pl.DataFrame | None = None, day: date = DAY
    ) -> pl.DataFrame:
        laid_over = no_corrections() if corrections is None else corrections
        contract = self.library[dataset]
        partition = standardise(self.on(day), contract, laid_over)
        return self.read(partition)

    def findings(self, dataset: str, day: date = DAY) -> pl.DataFrame:
        contract = self.library[dataset]
        return self.read(verify(self.on(day), contract))

    def agreement(self) -> pl.DataFrame:
        entity = self.library.entity("pupil")
        return self.read(agree(self.on(DAY), entity))

    def pupils(self, day: date = DAY) -> pl.DataFrame:
        entity = self.library.entity("pupil")
        found = [self.lake.as_of("finding", name, day) for name in ("school.roll", "agreement.pupil")]
        faults = {"school.roll": [partition for partition in found if partition]}
        return self.read(fuse(self.on(day), entity, faults))

    def read(self, partition: Partition | None) -> pl.DataFrame:
        assert partition is not None
        return self.connection.execute(f"FROM {partition.scan}").pl()


@pytest.fixture
def school(engine: Engine, tmp_path: Path) -> Iterator[School]:
    with engine.connect() as connection:
        yield School(connection, Lake(tmp_path / "lake"), load_library([TINY], shipped=False), engine.codes)


ROLL: dict[str, str | None] = {
    "number": "S1",
    "name": "王伟",
    "sex": "男",
    "score": "60",
    "entered": "2020-09-01",
    "phone": "13812345678",
    "village": VILLAGE,
}


def roll(*first: str | None, **named: str | None) -> tuple[str | None, ...]:
    """A row of the roll: its first values, and those of named columns; the others as in `ROLL`."""
    return tuple({**ROLL, **dict(zip(ROLL, first, strict=False)), **named}.values())


def shown(frame: pl.DataFrame) -> set[tuple[object, ...]]:
    return set(frame.select("row_number", "rule", "field", "observed", "suggestion").iter_rows())


def test_delivered_text_becomes_typed_and_coded_and_no_row_is_lost(school: School) -> None:
    rows = [
        roll("S1", "王 伟", "男", "95.5", "2020年9月1日"),
        roll("S2", None, "女性", "x", "2021-02-30"),
        roll(None, "李娜", "3", None, None),
    ]
    school.deliver("school.roll", rows)
    standard = school.standard("school.roll")
    picked = standard.select(
        "record_key", "name", "sex", "score", "score__delivered", "entered_on", "entered_on__delivered"
    ).rows()
    assert picked[0] == ("S1", "王 伟", "1", 95.5, None, date(2020, 9, 1), None)
    assert picked[1] == ("S2", None, "2", None, "x", None, "2021-02-30")
    assert picked[2][1:] == ("李娜", "3", None, None, None, None)
    assert picked[2][0].startswith("#")


def test_every_built_in_rule_fires_where_it_should_and_nowhere_else(school: School) -> None:
    rows = [
        roll("S1"),
        roll(None),
        roll("T9"),
        roll("S4", None),
        roll("S5", "阿不都拉·买买提"),
        roll("S6", sex="5"),
        roll("S7", score="101"),
        roll("S8", score="-1"),
        roll("S9", score="many"),
        roll("S10", entered="1999-12-31"),
        roll("S11", entered="2021-02-30"),
        roll("S12", phone="123"),
        roll("S13", village="370602001999"),
        roll("S14", village="37"),
        roll("S15"),
        roll("S15"),
        roll("S15"),
    ]
    school.deliver("school.roll", rows)
    school.standard("school.roll")
    assert shown(school.findings("school.roll")) == {
        (3, "presence", "pupil_no", None, None),
        (4, "pattern", "pupil_no", "T9", None),
        (5, "presence", "name", None, None),
        (6, "length", "name", "阿不都拉·买买提", None),
        (7, "code_table", "sex", "5", None),
        (8, "range", "score", "101", None),
        (9, "range", "score", "-1", None),
        (10, "type", "score", "many", None),
        (11, "range", "entered_on", "1999-12-31", None),
        (12, "type", "entered_on", "2021-02-30", None),
        (13, "semantic_kind", "phone", "123", None),
        (14, "code_table", "village_code", "370602001999", None),
        (15, "semantic_kind", "village_code", "37", None),
        (17, "uniqueness", "pupil_no", "S15", None),
        (18, "uniqueness", "pupil_no", "S15", None),
    }


def test_a_declared_rule_sees_the_newest_row_of_the_dataset_it_joins(school: School) -> None:
    school.deliver("school.roll", [roll("S1"), roll("S2"), roll("S3")])
    school.deliver(
        "school.transfer",
        [
            ("1", "S1", "王伟", "2025-01-01", None),
            ("2", "S1", "王伟", "2026-03-01", None),  # newer: not yet 30 days ago
            ("3", "S2", "王伟", "2025-06-01", None),
            ("4", "S2", "王伟", "2024-06-01", None),
        ],
    )
    for dataset in ("school.roll", "school.transfer"):
        school.standard(dataset)
    found = school.findings("school.roll")
    assert shown(found) == {(3, "left_and_still_here", "pupil_no", "S2", "S2-2025-06-01")}
    assert found["evidence"].to_list() == ["转出日期 2025-06-01"]
    assert found["severity"].to_list() == ["warning"]
    later = school.findings("school.roll", date(2026, 4, 10))
    assert later["record_key"].sort().to_list() == ["S1", "S2"]


def test_a_reference_that_leads_nowhere_is_found(school: School) -> None:
    school.deliver("school.roll", [roll("S1")])
    school.deliver("school.transfer", [("1", "S1", None, None, None), ("2", "S9", None, None, None)])
    for dataset in ("school.roll", "school.transfer"):
        school.standard(dataset)
    assert shown(school.findings("school.transfer")) == {(3, "reference", "pupil_no", "S9", None)}


def test_a_finding_goes_to_the_first_township_its_ways_lead_to(school: School) -> None:
    school.deliver(
        "school.roll",
        [
            roll("S1", None),
            roll("S2", None, village="370602002999"),  # no such village, but the township is there
            roll("S3", None, village=None),  # the transfer knows
            roll("S4", None, village=None),  # nobody knows
        ],
    )
    school.deliver("school.transfer", [("1", "S3", None, "2026-03-01", "370602003001")])
    for dataset in ("school.roll", "school.transfer"):
        school.standard(dataset)
    found = school.findings("school.roll").filter(pl.col("rule") == "presence")
    assert dict(found.select("record_key", "unit_code").iter_rows()) == {
        "S1": "370602001",
        "S2": "370602002",
        "S3": "370602003",
        "S4": None,
    }


def test_the_more_authoritative_source_is_the_suggestion(school: School) -> None:
    school.deliver("school.roll", [roll("S1", "王伟")])
    school.deliver("school.health", [("S1", "王炜", "女")])
    for dataset in ("school.roll", "school.health"):
        school.standard(dataset)
        school.findings(dataset)
    found = school.agreement().select("dataset", "field", "observed", "suggestion").rows()
    assert set(found) == {("school.health", "name", "王炜", "王伟"), ("school.health", "sex", "2", "1")}


def test_two_others_that_agree_outvote_the_authority(school: School) -> None:
    school.deliver("school.roll", [roll("S1", "王伟")])
    school.deliver("school.health", [("S1", "王炜", "男")])
    school.deliver("school.transfer", [("1", "S1", "王炜", "2026-03-01", None)])
    for dataset in ("school.roll", "school.health", "school.transfer"):
        school.standard(dataset)
        school.findings(dataset)
    found = school.agreement().select("dataset", "field", "observed", "suggestion").rows()
    assert found == [("school.roll", "name", "王伟", "王炜")]


def test_a_value_already_found_faulty_has_no_vote(school: School) -> None:
    school.deliver("school.roll", [roll("S1", "王伟王伟王")])  # longer than 4
    school.deliver("school.health", [("S1", "王炜", "男")])
    for dataset in ("school.roll", "school.health"):
        school.standard(dataset)
        school.findings(dataset)
    assert school.agreement().height == 0


def test_what_the_others_are_believed_for_is_suggested_for_a_missing_and_for_a_faulty_value(
    school: School,
) -> None:
    school.deliver(
        "school.roll", [roll("S1", None), roll("S2", "李娜李娜李"), roll("S3", None), roll("S4", "丁一")]
    )
    school.deliver("school.health", [("S1", "王炜", "7"), ("S2", "李娜", "男"), ("S4", "丁一", "女")])
    for dataset in ("school.roll", "school.health"):
        school.standard(dataset)
        school.findings(dataset)
    school.agreement()
    found = school.connection.execute(findings_of(school.lake, school.library, DAY)).pl()
    suggested = found.select("dataset", "record_key", "rule", "suggestion", "evidence").rows()
    health = "教育局《体检》为"
    assert set(suggested) == {
        ("school.roll", "S1", "presence", "王炜", f"{health}“王炜”"),
        ("school.roll", "S2", "length", "李娜", f"{health}“李娜”"),
        ("school.roll", "S3", "presence", None, None),
        ("school.health", "S1", "code_table", "1", "教育局《学籍》为“男”"),
        ("school.health", "S4", "agreement", "1", "教育局《学籍》为“男”"),
    }


def test_a_faulty_value_gives_way_to_the_next_source_and_says_so(school: School) -> None:
    school.deliver("school.roll", [roll("S1", "王伟王伟王"), roll("S2", "李娜")])
    school.deliver("school.health", [("S1", "王炜", "男"), ("S9", "无籍", "男")])
    for dataset in ("school.roll", "school.health"):
        school.standard(dataset)
        school.findings(dataset)
    school.agreement()
    pupils = school.pupils().sort("pupil_no")
    assert pupils.select("pupil_no", "name", "sex").rows() == [("S1", "王炜", "1"), ("S2", "李娜", "1")]
    assert pupils["provenance"].struct.field("name").to_list() == ["school.health", "school.roll"]


@pytest.mark.parametrize(("few", "written"), [(0, [20, 1]), (21, [20])], ids=["many", "few"])
def test_a_finding_on_a_row_that_has_not_changed_touches_whom_the_row_speaks_of(
    school: School, few: int, written: list[int]
) -> None:
    school = replace(school, lake=Lake(school.lake.root, thresholds=Thresholds(few_rows=few)))
    school.deliver("school.roll", [roll(f"S{number}") for number in range(20)])
    school.deliver("school.health", [("S1", "王炜", "男")])
    for dataset in ("school.roll", "school.health"):
        school.standard(dataset)
        school.findings(dataset)
    before = school.pupils().filter(pl.col("pupil_no") == "S1")
    row = school.standard("school.roll").filter(pl.col("record_key") == "S1")["_row"].item()
    found = school.lake.partition("finding", "school.roll", DAY)
    assert found is not None
    query = (
        f"FROM {found.scan} UNION ALL BY NAME "
        f"SELECT 'school.roll' AS dataset, {row} AS _row, 'name' AS field, 'error' AS severity"
    )
    school.lake.write(school.connection, "finding", "school.roll", date(2026, 3, 3), query, Origin({}))
    now = school.pupils(date(2026, 3, 3))
    assert before["name"].to_list() == ["王伟"]
    assert now.filter(pl.col("pupil_no") == "S1")["name"].to_list() == ["王炜"]
    # Only that one was looked at again, unless there are few in all.
    amended = school.lake.partition("governance", "pupil", date(2026, 3, 3))
    assert amended is not None
    assert [part.rows for part in amended.parts] == written


def test_history_keeps_every_version_with_its_days(school: School) -> None:
    second, third = date(2026, 3, 3), date(2026, 3, 4)
    for day, name in ((DAY, "王伟"), (second, "王炜"), (third, "王伟")):
        rows = [roll("S1", name)] + ([roll("S2", "李娜")] if day == DAY else [])
        school.deliver("school.roll", rows, day)
        school.standard("school.roll", day=day)
        school.findings("school.roll", day)
        now = school.pupils(day)
        assert now.select("name", "valid_from").rows()[0] == (name, day)
        again = school.pupils(day)
        assert again.equals(now)
    ended = {
        day: school.read(school.lake.partition("history", "pupil", day))
        .select("pupil_no", "name", "valid_from", "valid_to")
        .rows()
        for day in (second, third)
    }
    assert ended[second] == [("S1", "王伟", DAY, second), ("S2", "李娜", DAY, second)]
    assert ended[third] == [("S1", "王炜", second, third)]


def correction(delivered: str | None, value: str, field: str = "name") -> pl.DataFrame:
    return pl.DataFrame([("school.roll", "S1", field, delivered, value)], schema=CORRECTIONS, orient="row")


def test_a_correction_holds_while_the_source_repeats_what_was_corrected(school: School) -> None:
    school.deliver("school.roll", [roll("S1", "王伟")])
    standard = school.standard("school.roll", correction("王伟", "王炜"))
    assert standard.select("name", "_corrected").rows() == [("王炜", {"name": "王伟"})]


def test_a_correction_steps_back_when_the_source_says_anything_else(school: School) -> None:
    school.deliver("school.roll", [roll("S1", "王维")])
    standard = school.standard("school.roll", correction("王伟", "王炜"))
    assert standard.select("name", "_corrected").rows() == [("王维", None)]


def test_a_correction_of_an_unreadable_value_and_of_a_missing_one(school: School) -> None:
    school.deliver("school.roll", [roll("S1", None, entered="2021-02-30")])
    both = pl.concat([correction("2021-02-30", "2021-02-28", "entered_on"), correction(None, "王炜")])
    standard = school.standard("school.roll", both)
    assert standard.select("name", "entered_on", "entered_on__delivered").rows() == [
        ("王炜", date(2021, 2, 28), None)
    ]


def test_unchanged_inputs_write_nothing(school: School) -> None:
    school.deliver("school.roll", [roll("S1", None)])
    school.standard("school.roll")
    school.findings("school.roll")
    files = {path: path.stat().st_mtime_ns for path in school.lake.root.rglob("*") if path.is_file()}
    school.standard("school.roll")
    school.findings("school.roll")
    assert files == {p: p.stat().st_mtime_ns for p in school.lake.root.rglob("*") if p.is_file()}


def test_another_order_of_authority_makes_what_follows_from_it_anew(school: School) -> None:
    """No row and no contract changes from one day to the next, only whose word counts."""
    school.deliver("school.roll", [roll("S1", "王伟")])
    school.deliver("school.health", [("S1", "王炜", "男")])
    for dataset in ("school.roll", "school.health"):
        school.standard(dataset)
        school.findings(dataset)
    pupil, later = school.library.entity("pupil"), DAY + timedelta(days=1)
    before = agree(school.on(DAY), pupil)
    assert school.read(before)["suggestion"].to_list() == ["王伟"]
    assert school.pupils()["name"].to_list() == ["王伟"]
    assert agree(school.on(later), pupil) == before, "the order is what it was"
    health_first = replace(school.library.authority["pupil", "name"], names=("school.health", "school.roll"))
    orders = {**school.library.authority, ("pupil", "name"): health_first}
    school.library = replace(school.library, authority=orders)
    after = school.read(agree(school.on(later), pupil))
    assert after.select("dataset", "observed", "suggestion").rows() == [("school.roll", "王伟", "王炜")]
    told = school.pupils(later)
    assert told.select("name", pl.col("provenance").struct.field("name").alias("from")).rows() == [
        ("王炜", "school.health")
    ]
