"""Two turns of the loop, and a third: what was planted is found, what is answered takes effect and is told.

Expected values come from the sample city's truth, which knows nothing of the platform.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from quality.published import TICKETS, findings_of
from quality.tickets.states import TO_ANSWER
from returns.ledger.store import Ledger
from returns.packages.build import Index, Package, read_index
from returns.replies.take_in import Intake, ReplyDesk, Submission, take_in
from sample_city.officer.answering import CORRECT, DATASET, FIELD, SHEET, TICKET, VALUE, VERDICT, answer
from sample_city.officer.paperwork import Paper
from warehouse.engine.connection import Engine
from warehouse.lake.partition import Partition

FIRST, SECOND, THIRD = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
MISTAKES = 0.1
WRONG_NAME = "赵钱孙"
POPULATION = "police.population"
PROBLEM = ["dataset", "record_key", "field"]


def rows(partition: Partition | None) -> pl.DataFrame:
    assert partition is not None
    return duckdb.sql(f"FROM {partition.scan}").pl()


def tickets(walk: Any, day: date) -> pl.DataFrame:
    return rows(walk.platform.lake.partition(*TICKETS, day))


def index_of(walk: Any, day: date) -> Index:
    index = read_index(walk.platform.home.returns(day))
    assert index is not None
    return index


def table(walk: Any, day: date, package: Package, title: str) -> pl.DataFrame:
    with zipfile.ZipFile(walk.platform.home.returns(day) / package.file) as archive:
        return pl.read_csv(archive.read(f"{title}.csv"), infer_schema=False)


def truth(walk: Any, day: date, name: str) -> pl.DataFrame:
    return pl.read_csv(walk.truth(day) / f"{name}.csv", infer_schema=False).with_columns(
        pl.all().replace("", None)
    )


def receive(walk: Any, files: list[Path]) -> list[Intake]:
    platform = walk.platform
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with Ledger.open(platform.ledger_url) as ledger, platform.engine.connect() as connection:
        desk = ReplyDesk(
            platform.lake,
            platform.library,
            platform.codes,
            ledger,
            platform.signing_keys(),
            platform.home.spill,
        )
        return [take_in(connection, desk, Submission(file, "officer", at)) for file in files]


@dataclass(frozen=True)
class Loop:
    """The city after two turns, and the answers between them: mistakes among them, and one wrong value."""

    walk: Any
    files: list[Path]
    intakes: list[Intake]
    mistaken: frozenset[str]
    misspelt: str

    @property
    def accepted(self) -> pl.DataFrame:
        return pl.concat(intake.accepted for intake in self.intakes)


@pytest.fixture(scope="module")
def loop(
    city_after_one_turn: Any,
    walk_in: Callable[[Path, Path], Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Loop:
    folder = tmp_path_factory.mktemp("two-turns")
    shutil.copytree(city_after_one_turn.platform.home.root, folder / "home")
    shutil.copytree(city_after_one_turn.samples, folder / "sample")
    walk = walk_in(folder / "home", folder / "sample")
    files, mistaken = [], set()
    for package in index_of(walk, FIRST).packages:
        if package.rows.get("待核实"):
            with zipfile.ZipFile(walk.platform.home.returns(FIRST) / package.file) as archive:
                name = next(name for name in archive.namelist() if name.endswith(".xlsx"))
                archive.extract(name, folder)
            files.append(folder / f"answered-{name}")
            done = answer(folder / name, walk.truth(FIRST), files[-1], mistakes=MISTAKES, seed=3)
            mistaken |= set(done.mistaken)
    misspelt = misspell(files, mistaken)
    intakes = receive(walk, files)
    walk.deliver(SECOND)
    walk.turn(SECOND)
    return Loop(walk, files, intakes, frozenset(mistaken), misspelt)


def misspell(files: list[Path], mistaken: set[str]) -> str:
    """Correct a name that two departments disagree on to one that neither has; returns the ticket."""
    for path in files:
        with Paper(path, SHEET) as paper:
            number, header = next((number, texts) for number, texts in paper.rows() if TICKET in texts)
            for row, texts in paper.rows(after=number):
                cells = dict(zip(header, texts, strict=True))
                asked = (cells[DATASET], cells[FIELD])
                if asked == ("disabled_persons.certificate", "name") and cells[TICKET] not in mistaken:
                    paper.write(row, header.index(VERDICT), CORRECT)
                    paper.write(row, header.index(VALUE), WRONG_NAME)
                    paper.save(path)
                    return cells[TICKET]
    raise AssertionError("no certificate with another name than the register's")


def test_nine_in_ten_answers_were_right_and_some_were_not(loop: Loop) -> None:
    answered = loop.accepted.height + sum(intake.refused.height for intake in loop.intakes)
    assert answered == sum(p.rows.get("待核实", 0) for p in index_of(loop.walk, FIRST).packages)
    assert 4 <= len(loop.mistaken) <= answered / 4


# Floors, not aims: errors fall at random, and what is found of them is measured by `make accuracy`.
FOUND, PLACES_RIGHT, SUGGESTED_RIGHT, IN_FORCE = 0.35, 0.35, 0.7, 0.9


def test_planted_errors_are_found_where_they_stand(loop: Loop) -> None:
    planted = truth(loop.walk, FIRST, "errors").unique(["dataset", "row", "field"])
    platform = loop.walk.platform
    found = duckdb.sql(findings_of(platform.lake, platform.library, FIRST)).pl()
    places = found.select("dataset", row=pl.col("row_number").cast(pl.String), field="field").unique()
    hits = planted.join(places, on=["dataset", "row", "field"], how="semi").height
    assert planted.height > 50
    assert hits / planted.height >= FOUND
    assert hits / places.height >= PLACES_RIGHT


def test_what_is_suggested_is_right(loop: Loop) -> None:
    planted = truth(loop.walk, FIRST, "errors").drop_nulls("right")
    platform = loop.walk.platform
    found = duckdb.sql(findings_of(platform.lake, platform.library, FIRST)).pl()
    suggested = found.drop_nulls("suggestion").with_columns(row=pl.col("row_number").cast(pl.String))
    both = suggested.join(planted, on=["dataset", "row", "field"], how="inner")
    assert both.height > 20
    assert both.filter(pl.col("suggestion") == pl.col("right")).height / both.height >= SUGGESTED_RIGHT


def right_corrections(loop: Loop) -> pl.DataFrame:
    """The accepted corrections that were no mistakes."""
    return loop.accepted.filter(
        pl.col("value").is_not_null() & ~pl.col("ticket_id").is_in([*loop.mistaken, loop.misspelt])
    )


def test_an_accepted_correction_takes_effect_where_the_record_is(loop: Loop) -> None:
    corrected = right_corrections(loop)
    assert corrected.height > 40
    for (dataset, field), group in corrected.group_by("dataset", "field"):
        standard = rows(loop.walk.platform.lake.as_of("standard", str(dataset), SECOND))
        now = standard.select("record_key", now=pl.col(str(field)).cast(pl.String).str.replace(r"\.0$", ""))
        both = group.join(now, on="record_key", how="left")
        assert both.filter(pl.col("now").ne_missing(pl.col("value"))).rows() == []


def test_a_correction_to_a_person_is_in_the_person_s_file(loop: Loop) -> None:
    person = rows(loop.walk.platform.lake.as_of("governance", "person", SECOND))
    own = right_corrections(loop).filter(
        (pl.col("dataset") == POPULATION) & pl.col("field").is_in(["name", "sex", "birth_date"])
    )
    assert own.height > 5
    in_force = [
        str(file[row["field"]]) == row["value"]
        for row in own.iter_rows(named=True)
        for file in person.filter(pl.col("resident_id") == row["record_key"]).to_dicts()
    ]
    assert sum(in_force) / own.height >= IN_FORCE


def test_the_ticket_of_a_right_correction_closes(loop: Loop) -> None:
    after = tickets(loop.walk, SECOND)
    own = after.join(right_corrections(loop), on="ticket_id", how="semi")
    states = dict(own.group_by("state").len().rows())
    assert states.keys() <= {"closed", "reopened"}
    assert states["closed"] / own.height >= 0.95


def test_a_mistaken_answer_does_not_pass_for_done(loop: Loop) -> None:
    """It is refused, or the ticket is found again, or the value stays flagged as the township's own word."""
    refused = {
        ticket for intake in loop.intakes if intake.refused.height for ticket in intake.refused["ticket_id"]
    }
    after = dict(tickets(loop.walk, SECOND).select("ticket_id", "state").iter_rows())
    by_state = {ticket: after[ticket] for ticket in loop.mistaken - refused}
    # A wrong suggestion for a right row, adopted, passes for done: that is what suggestions are measured for.
    done = [ticket for ticket, state in by_state.items() if state == "closed"]
    assert len(done) <= 0.2 * len(by_state)
    assert set(by_state.values()) <= {"reopened", "returned", "excepted", "referred", "closed"}
    assert by_state or refused


def test_a_wrong_value_is_found_again_and_its_ticket_reopened(loop: Loop) -> None:
    (ticket,) = tickets(loop.walk, SECOND).filter(pl.col("ticket_id") == loop.misspelt).to_dicts()
    assert (ticket["state"], ticket["observed"], ticket["times_reopened"]) == ("reopened", WRONG_NAME, 1)
    packaged = pl.concat(
        table(loop.walk, SECOND, package, "待核实")
        for package in index_of(loop.walk, SECOND).packages
        if package.audience == "township"
    )
    (shown,) = packaged.filter(pl.col("工单号") == loop.misspelt).to_dicts()
    assert (shown["现值"], shown["状态"]) == (WRONG_NAME, "重新核实")


def test_people_add_up_from_villages_to_the_city(loop: Loop) -> None:
    person = rows(loop.walk.platform.lake.as_of("governance", "person", SECOND))
    placed = person.filter(pl.col("township_code").is_not_null())
    assert placed.height == person.height
    in_villages = in_townships = listed = 0
    for package in index_of(loop.walk, SECOND).packages:
        if package.audience == "township":
            counts = table(loop.walk, SECOND, package, "人口统计表")["人口数"].cast(pl.Int64)
            in_townships += counts[0]
            in_villages += counts[1:].sum()
            listed += package.rows["人口底册"]
    by_county = placed.group_by("county_code").len()["len"].sum()
    assert in_villages == in_townships == listed == by_county == person["resident_id"].n_unique()


def test_findings_by_unit_add_up_to_the_tickets_that_are_open(loop: Loop) -> None:
    platform = loop.walk.platform
    found = duckdb.sql(findings_of(platform.lake, platform.library, SECOND)).pl()
    after = tickets(loop.walk, SECOND)
    unfinished = after.filter(pl.col("state") != "closed")
    assert set(found["ticket_id"]) == set(unfinished["ticket_id"])
    by_unit = dict(found.unique("ticket_id").group_by("unit_code").len().rows())
    assert by_unit == dict(unfinished.group_by("unit_code").len().rows())
    packaged = sum(p.rows.get("待核实", 0) for p in index_of(loop.walk, SECOND).packages)
    assert (
        packaged == after.filter(pl.col("state").is_in(TO_ANSWER) & pl.col("unit_code").is_not_null()).height
    )


PERSON = ["name", "sex", "birth_date", "ethnic_group", "marital_status", "village_code", "phone"]


def test_after_the_answers_the_persons_are_as_they_are(loop: Loop) -> None:
    person = rows(loop.walk.platform.lake.as_of("governance", "person", SECOND))
    real = truth(loop.walk, SECOND, "person").drop_nulls("household_no")
    both = person.join(real, on="resident_id", how="inner", suffix="_real")
    assert both.height / real.height > 0.99
    wrong = pl.concat(
        both.filter(pl.col(name).cast(pl.String).ne_missing(pl.col(f"{name}_real"))).select(
            field=pl.lit(name), record_key="resident_id"
        )
        for name in PERSON
    )
    # Measured 0.995: four in five of the wrong values are one clerk's telephone number on many people,
    # which no rule finds.
    assert 1 - wrong.height / (both.height * len(PERSON)) >= 0.99, wrong["field"].value_counts().rows()
    # No value becomes wrong unless a department delivered it wrong or a township answered it wrong.
    delivered = pl.concat(truth(loop.walk, day, "errors") for day in (FIRST, SECOND))
    answered = tickets(loop.walk, SECOND).filter(pl.col("ticket_id").is_in([*loop.mistaken, loop.misspelt]))
    blamed = pl.concat(each.select("field", "record_key") for each in (delivered, answered))
    unexplained = wrong.join(blamed, on=["field", "record_key"], how="anti")
    # A divorce registered here outvotes the police, who know of the new marriage in another city.
    remarried = truth(loop.walk, SECOND, "unusual").filter(pl.col("kind") == "remarried_elsewhere")
    outvoted = (pl.col("field") == "marital_status") & pl.col("record_key").is_in(
        remarried["record_key"].implode()
    )
    assert unexplained.filter(~outvoted).rows() == []


def test_departments_are_told_what_was_corrected_until_they_have_caught_up(loop: Loop) -> None:
    told = pl.concat(
        table(loop.walk, SECOND, package, "已确认更正")
        for package in index_of(loop.walk, SECOND).packages
        if package.audience == "department"
    )
    closed = tickets(loop.walk, SECOND).filter(pl.col("state") == "closed")
    # A mistaken correction that nothing contradicts closes its ticket too, and the department hears of it.
    corrected = loop.accepted.drop_nulls("value").join(closed, on="ticket_id", how="semi")
    assert told.height == corrected.unique(PROBLEM).height
    assert set(told["记录主键"]) == set(corrected["record_key"])


def test_the_same_files_again_change_nothing(loop: Loop) -> None:
    with Ledger.open(loop.walk.platform.ledger_url) as ledger:
        before = ledger.entries()
    assert all(intake.repeated for intake in receive(loop.walk, loop.files))
    with Ledger.open(loop.walk.platform.ledger_url) as ledger:
        assert ledger.entries() == before


def test_the_same_extracts_and_ledger_give_the_same_bytes_in_another_home(
    loop: Loop,
    city_after_one_turn: Any,
    walk_in: Callable[[Path, Path], Any],
    digests: Callable[[Path], dict[str, str]],
    tmp_path: Path,
) -> None:
    """From the first turn on, with two threads instead of one."""
    shutil.copytree(city_after_one_turn.platform.home.root, tmp_path / "another place")
    other = walk_in(tmp_path / "another place", loop.walk.samples)
    platform = other.platform
    two = Engine(tmp_path / "spill", platform.codes, threads=2, folders=(tmp_path,))
    other = replace(other, platform=replace(platform, engine=two))
    shutil.copyfile(loop.walk.platform.home.ledger, other.platform.home.ledger)
    other.deliver(SECOND)
    other.turn(SECOND)
    assert digests(other.platform.home.root) == digests(loop.walk.platform.home.root)


@pytest.fixture(scope="module")
def caught_up(
    loop: Loop, walk_in: Callable[[Path, Path], Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, dict[str, Any]]:
    """A third batch in which the police alone deliver, and what a township had corrected."""
    folder = tmp_path_factory.mktemp("third-turn")
    shutil.copytree(loop.walk.platform.home.root, folder / "home")
    shutil.copytree(loop.walk.samples, folder / "sample")
    walk = walk_in(folder / "home", folder / "sample")
    corrected = right_corrections(loop)
    missing = truth(walk, FIRST, "errors").filter(pl.col("kind") == "name_missing")
    one = (
        corrected.filter((pl.col("dataset") == POPULATION) & (pl.col("field") == "name"))
        .join(missing, on=PROBLEM, how="semi")
        .row(0, named=True)
    )
    (file,) = walk.prepare(THIRD).glob("户籍人口*.csv")
    lines = file.read_bytes().decode("gb18030").split("\r\n")
    planted = truth(walk, THIRD, "errors").filter(
        pl.all_horizontal(pl.col(name) == one[name] for name in PROBLEM)
    )
    place = int(planted["row"].item()) - 1
    cells = lines[place].split(",")
    assert cells[1].strip() == ""
    cells[1] = one["value"]
    lines[place] = ",".join(cells)
    file.write_bytes("\r\n".join(lines).encode("gb18030"))
    walk.deliver(THIRD, "户籍人口*")
    walk.turn(THIRD)
    return walk, one


def test_a_correction_steps_back_by_itself_once_the_source_has_caught_up(
    caught_up: tuple[Any, dict[str, Any]],
) -> None:
    walk, one = caught_up
    standard = rows(walk.platform.lake.as_of("standard", POPULATION, THIRD))
    (record,) = standard.filter(pl.col("record_key") == one["record_key"]).to_dicts()
    assert record["name"] == one["value"]
    assert not record["_corrected"]
    others = standard.filter(pl.col("_corrected").is_not_null())
    assert others.height > 5


def test_the_ticket_stays_closed_and_the_department_is_no_longer_told(
    caught_up: tuple[Any, dict[str, Any]],
) -> None:
    walk, one = caught_up
    (ticket,) = tickets(walk, THIRD).filter(pl.col("ticket_id") == one["ticket_id"]).to_dicts()
    assert (ticket["state"], ticket["state_since"]) == ("closed", SECOND)
    (police,) = (p for p in index_of(walk, THIRD).packages if p.unit_code == "police")
    told = table(walk, THIRD, police, "已确认更正")
    assert told.height > 5
    assert one["record_key"] not in set(told["记录主键"])
