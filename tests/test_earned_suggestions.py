"""A suggestion has to be earned: no name is changed where the number may be wrong, one certificate kills nobody."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from quality.published import TICKETS, findings_of
from warehouse.collect.intake import reception
from warehouse.lake.layers import Layer

FIRST = date(2026, 3, 2)
STAMP = f"{FIRST:%Y%m%d}"
Row = dict[str, str]


class City:
    """A city after one turn, with rows of our own in three departments' files."""

    def __init__(self, walk: Any, samples: Path) -> None:
        self.walk, self.samples = walk, samples
        self.residents = self.rows("户籍人口")
        deceased = {row[1] for row in self.certificates()} | {""}
        names = [row["姓名"] for row in self.residents]
        self.living = [
            row
            for row in self.residents
            if len(row["姓名"]) == 3
            and names.count(row["姓名"]) == 1
            and len(row["公民身份号码"]) == 18
            and row["公民身份号码"] not in deceased
            and row["公民身份号码"][6:14] == row["出生日期"]
        ]

    def rows(self, name: str) -> list[Row]:
        content = (self.samples / f"{name}_{STAMP}.csv").read_bytes()
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("gb18030")
        return list(csv.DictReader(io.StringIO(text)))

    def certificates(self) -> list[tuple[str, ...]]:
        with sqlite3.connect(self.samples / f"死亡医学证明_{STAMP}.db") as database:
            return database.execute("SELECT * FROM death_certificate").fetchall()

    def deliver(self, path: Path) -> None:
        at = datetime(FIRST.year, FIRST.month, FIRST.day, 8)
        platform = self.walk.platform
        (receipt,) = reception.deliver(platform.home, platform.library, [path], FIRST, at)
        assert receipt.status == "received", receipt.message

    def deliver_rows(self, name: str, rows: list[Row], codec: str) -> None:
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
        path = self.walk.platform.home.root / f"{name}_{STAMP}.csv"
        path.write_text(out.getvalue(), encoding=codec)
        self.deliver(path)

    def names(self, dataset: str) -> dict[str, str | None]:
        """Observed name → suggested name, of what is found on the names of a dataset."""
        platform = self.walk.platform
        with platform.open_batch(FIRST) as opened:
            query = findings_of(platform.lake, platform.library, FIRST)
            return dict(
                opened.connection.execute(
                    f"SELECT observed, suggestion FROM ({query}) WHERE dataset = ? AND field = 'name'",
                    [dataset],
                ).fetchall()
            )


def allowance(number: int, person: Row, name: str) -> Row:
    return {
        "身份证号": person["公民身份号码"], "姓名": name, "社会保障卡号": f"K9000000{number}",
        "月津贴金额(元)": "100", "享受起始日期": "2024-01-01", "发放状态": "在保", "村居代码": person["村居代码"],
    }  # fmt: skip


def pupil(number: int, person: Row, name: str, birth: str) -> Row:
    return {
        "学籍号": f"G{person['公民身份号码']}", "身份证件号": person["公民身份号码"], "姓名": name,
        "性别": person["性别"], "出生日期": birth, "学校标识码": "3706020041", "学校名称": "芝罘区通伸中心小学",
        "年级": "小学四年级", "班级": f"{number}班", "入学日期": "2022-09-01",
    }  # fmt: skip


@pytest.fixture(scope="module")
def city(
    city_after_one_turn: Any, walk_in: Callable[[Path, Path], Any], tmp_path_factory: pytest.TempPathFactory
) -> City:
    samples = city_after_one_turn.samples / FIRST.isoformat()
    built = City(walk_in(tmp_path_factory.mktemp("earned") / "home", city_after_one_turn.samples), samples)
    people, home = built.living, built.walk.platform.home.root
    for name in ("户籍人口_{}.csv", "户口注销_{}.dbf", "养老保险待遇_{}.csv"):
        built.deliver(samples / name.format(STAMP))
    surname, given = people[2]["姓名"][0], people[2]["姓名"][1:]
    built.deliver_rows(
        "高龄津贴",
        [
            allowance(1, people[0], "欧阳震华"),  # another person's number
            allowance(2, people[1], people[1]["姓名"][:2] + "龘"),  # one character of three
            allowance(3, people[2], f"{surname}*{given[1]}"),  # masked
        ],
        "gb18030",
    )
    built.deliver_rows(
        "学籍",
        [
            pupil(1, people[3], people[3]["姓名"][:2] + "龘", "20150303"),  # a sibling's number
            pupil(2, people[4], "欧阳震寰", people[4]["出生日期"]),  # another name, but born on the day
        ],
        "utf-8",
    )
    rows = [list(row) for row in built.certificates()]
    # A certificate of somebody else on a living person's number.
    rows[0][1:3] = [people[5]["公民身份号码"], "欧阳震坤"]
    path = home / f"死亡医学证明_{STAMP}.db"
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE death_certificate "
            "(certificate_no TEXT, resident_id TEXT, name TEXT, sex TEXT, death_date TEXT, place TEXT)"
        )
        database.executemany("INSERT INTO death_certificate VALUES (?, ?, ?, ?, ?, ?)", rows)
    database.close()
    built.deliver(path)
    built.walk.turn(FIRST)
    return built


def test_a_row_under_another_persons_number_is_not_renamed(city: City) -> None:
    assert city.names("civil_affairs.elderly_allowance")["欧阳震华"] is None


def test_a_slip_and_a_mask_are_corrected(city: City) -> None:
    slip, masked = city.living[1]["姓名"], city.living[2]["姓名"]
    names = city.names("civil_affairs.elderly_allowance")
    assert names[slip[:2] + "龘"] == slip
    assert names[f"{masked[0]}*{masked[2]}"] == masked


def test_a_date_of_birth_shows_whether_the_number_is_right(city: City) -> None:
    sibling, right = city.living[3]["姓名"], city.living[4]["姓名"]
    names = city.names("education.school_roll")
    assert names[sibling[:2] + "龘"] is None
    assert names["欧阳震寰"] == right


def test_a_certificate_of_another_name_takes_nobody_s_life(city: City) -> None:
    number = city.living[5]["公民身份号码"]
    platform = city.walk.platform
    person = platform.lake.as_of(Layer.GOVERNANCE, "person", FIRST)
    with platform.open_batch(FIRST) as opened:
        query = f"SELECT death_date FROM {person.scan} WHERE resident_id = ?"
        assert opened.connection.execute(query, [number]).fetchall() == [(None,)]
        died = f"SELECT count(*) FROM {person.scan} WHERE death_date IS NOT NULL"
        assert opened.connection.execute(died).fetchall()[0][0] > 0, "others did die"
        tickets = platform.lake.as_of(*TICKETS, FIRST).scan
        accused = f"SELECT dataset, rule FROM {tickets} WHERE record_key = ? AND dataset <> 'health.death'"
        rules = {rule for _, rule in opened.connection.execute(accused, [number]).fetchall()}
        assert not any("deceased" in rule or "death" in rule for rule in rules)
        said = (
            f"SELECT rule, suggestion FROM {tickets} WHERE dataset = 'health.death' AND observed = '欧阳震坤'"
        )
        assert opened.connection.execute(said).fetchall() == [("agreement", None)]


def test_a_check_character_alone_is_no_suggestion(city: City) -> None:
    platform = city.walk.platform
    with platform.open_batch(FIRST) as opened:
        query = findings_of(platform.lake, platform.library, FIRST)
        found = opened.connection.execute(
            f"SELECT count(*), count(suggestion) FROM ({query}) WHERE rule = 'semantic_kind' AND field = 'resident_id'"
        ).fetchall()
    assert found[0][0] > 0 and found[0][1] == 0
