"""A file that is wrong as a whole makes no ticket, closes none and takes nobody away; packages are made."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from quality.published import TICKETS
from quality.tickets.ticket_tables import resting_rules
from returns.packages.build import read_index
from warehouse.collect.intake import reception
from warehouse.collect.intake.reception import Receipt, hold_of
from warehouse.lake.layers import Layer

FIRST, SECOND, THIRD = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
POPULATION, PENSION = "police.population", "human_resources.pension"
Rows = list[dict[str, str]]


@pytest.fixture
def walk(city_after_one_turn: Any, walk_in: Callable[[Path, Path], Any], tmp_path: Path) -> Any:
    shutil.copytree(city_after_one_turn.platform.home.root, tmp_path / "home")
    return walk_in(tmp_path / "home", city_after_one_turn.samples)


def rows_of(walk: Any, name: str) -> tuple[Rows, str]:
    """The rows of a file of the first day, and its encoding."""
    content = (walk.samples / FIRST.isoformat() / f"{name}_{FIRST:%Y%m%d}.csv").read_bytes()
    try:
        text, codec = content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        text, codec = content.decode("gb18030"), "gb18030"
    return list(csv.DictReader(io.StringIO(text))), codec


def deliver(walk: Any, name: str, rows: Rows, day: date, codec: str, confirm: str | None = None) -> Receipt:
    """Deliver a file, and nothing else."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    path = walk.platform.home.root / f"{name}_{day:%Y%m%d}.csv"
    path.write_bytes(out.getvalue().encode(codec))
    at = datetime(day.year, day.month, day.day, 9)
    (receipt,) = reception.deliver(
        walk.platform.home, walk.platform.library, [path], day, at, reception.Terms(confirm=confirm)
    )
    return receipt


def tickets(walk: Any, day: date) -> set[tuple[str, bool, date]]:
    """Every ticket with whether it is closed and when it was found first."""
    partition = walk.platform.lake.as_of(*TICKETS, day)
    assert partition.batch == day
    with walk.platform.engine.connect() as connection:
        query = f"SELECT ticket_id, state = 'closed', first_batch FROM {partition.scan}"
        return set(connection.execute(query).fetchall())


def persons(walk: Any, day: date) -> int:
    return int(walk.platform.lake.as_of(Layer.GOVERNANCE, "person", day).rows)


def without_a_township(rows: Rows) -> Rows:
    places = [row["村居代码"][:9] for row in rows]
    most = max(sorted(set(places)), key=places.count)
    return [row for row, place in zip(rows, places, strict=True) if place != most]


CUTS: dict[str, Callable[[Rows], Rows]] = {
    "two fifths": lambda rows: rows[: len(rows) * 3 // 5],
    "one in twenty": lambda rows: [row for number, row in enumerate(rows) if number % 20],
    "a township": without_a_township,
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_a_register_that_lacks_rows_changes_nothing(walk: Any, cut: Callable[[Rows], Rows]) -> None:
    rows, codec = rows_of(walk, "户籍人口")
    receipt = deliver(walk, "户籍人口", cut(rows), SECOND, codec)
    walk.turn(SECOND)
    hold = hold_of(receipt)
    assert hold is not None and hold["contract"] == ""
    assert walk.platform.lake.as_of(Layer.EXTRACT, POPULATION, SECOND).batch == FIRST
    assert tickets(walk, SECOND) == tickets(walk, FIRST)
    assert persons(walk, SECOND) == persons(walk, FIRST)
    before, after = (read_index(walk.platform.home.returns(day)) for day in (FIRST, SECOND))
    assert before is not None and after is not None
    assert [package.file for package in after.packages] == [package.file for package in before.packages]


def negative(rows: Rows) -> Rows:
    """Whoever exported the amounts took them for deductions."""
    return [{**row, "月待遇金额(元)": f"-{row['月待遇金额(元)']}"} for row in rows]


def test_a_file_that_one_rule_flags_as_a_whole_is_held_before_anybody_gets_tickets(walk: Any) -> None:
    rows, codec = rows_of(walk, "养老保险待遇")
    receipt = deliver(walk, "养老保险待遇", negative(rows), SECOND, codec)
    walk.turn(SECOND)
    hold = hold_of(receipt)
    assert hold is not None
    assert hold["checks"] == ["rule_share", "range (monthly_amount)"]
    message = str(reception.refusal_of(receipt))
    assert "“月待遇金额”一列有 " in message and "同样不合规则：月待遇金额不在合理范围" in message
    assert f"继续使用 2026-03-02 批次的数据（{len(rows)} 行）" in message
    lake = walk.platform.lake
    for layer in (Layer.EXTRACT, Layer.STANDARD):
        assert lake.as_of(layer, PENSION, SECOND).batch == FIRST
    assert tickets(walk, SECOND) == tickets(walk, FIRST)
    # Another turn of the batch leaves it at that, and says so again.
    found = lake.as_of(Layer.FINDING, PENSION, SECOND).fingerprint
    walk.turn(SECOND)
    assert hold_of(receipt) == hold and tickets(walk, SECOND) == tickets(walk, FIRST)
    assert lake.as_of(Layer.FINDING, PENSION, SECOND).fingerprint == found

    confirmed = deliver(
        walk, "养老保险待遇", negative(rows), SECOND, codec, confirm="人社局说明：本月全部扣回"
    )
    assert confirmed.extract_id == receipt.extract_id
    walk.turn(SECOND)
    assert hold_of(receipt) is None
    assert lake.as_of(Layer.EXTRACT, PENSION, SECOND).batch == SECOND
    assert len(tickets(walk, SECOND)) > len(tickets(walk, FIRST)) + len(rows) // 2
    # What was confirmed is how the file is: the next one is as right or wrong.
    after = deliver(walk, "养老保险待遇", negative(rows)[1:], THIRD, codec)
    walk.turn(THIRD)
    assert hold_of(after) is None


def test_a_first_file_that_one_rule_flags_is_not_there_at_all(
    city_after_one_turn: Any, walk_in: Callable[[Path, Path], Any], tmp_path: Path
) -> None:
    walk = walk_in(tmp_path / "home", city_after_one_turn.samples)
    walk.deliver(FIRST, "户籍人口*")
    walk.deliver(FIRST, "就业登记*")
    rows, codec = rows_of(walk, "养老保险待遇")
    receipt = deliver(walk, "养老保险待遇", negative(rows), FIRST, codec)
    walk.turn(FIRST)
    assert hold_of(receipt) is not None
    for layer in (Layer.EXTRACT, Layer.STANDARD, Layer.FINDING):
        assert walk.platform.lake.as_of(layer, PENSION, FIRST) is None
    deliver(walk, "养老保险待遇", rows, FIRST, codec)
    walk.turn(FIRST)
    assert walk.platform.lake.as_of(Layer.STANDARD, PENSION, FIRST).rows == len(rows)


def test_a_rule_that_says_nothing_of_the_new_rows_holds_no_file(walk: Any) -> None:
    """Where an authority's file is wrong, the others' rows that have not changed are not held for it."""
    rows, codec = rows_of(walk, "养老保险待遇")
    receipt = deliver(walk, "养老保险待遇", rows[1:], SECOND, codec)
    walk.turn(SECOND)
    assert hold_of(receipt) is None


def test_a_ticket_rests_while_its_record_is_gone_and_comes_back_with_it(walk: Any) -> None:
    rows, codec = rows_of(walk, "养老保险待遇")
    lake, engine = walk.platform.lake, walk.platform.engine
    with engine.connect() as connection:
        (ticket, number), *_ = connection.execute(
            f"SELECT ticket_id, record_key FROM {lake.as_of(*TICKETS, FIRST).scan} "
            f"WHERE dataset = '{PENSION}' AND rule = 'range' ORDER BY ticket_id"
        ).fetchall()

    def state(day: date) -> tuple[str, date]:
        with engine.connect() as connection:
            query = f"SELECT state, state_since FROM {lake.as_of(*TICKETS, day).scan} WHERE ticket_id = ?"
            (found,) = connection.execute(query, [ticket]).fetchall()
            return found

    deliver(walk, "养老保险待遇", [row for row in rows if row["待遇编号"] != number], SECOND, codec)
    walk.turn(SECOND)
    assert state(SECOND) == ("gone", SECOND)
    deliver(walk, "养老保险待遇", rows, THIRD, codec)
    walk.turn(THIRD)
    assert state(THIRD) == ("open", THIRD)


def test_rules_of_a_dataset_that_was_never_delivered_rest(walk: Any) -> None:
    library, codes = walk.platform.library, walk.platform.engine.codes
    every = {contract.id for contract in library}
    assert resting_rules(library, codes, every) == set()
    resting = resting_rules(library, codes, every - {"health.death"})
    assert (PENSION, "deceased_on_pension", "status") in resting
    assert not any(rule == "range" for _, rule, _ in resting)
    alone = resting_rules(library, codes, {POPULATION})
    assert (POPULATION, "agreement", "name") in alone
