"""What was replaced in an installation, not removed, is named by the doctor, and no turn builds on it in silence."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assets.platform import Platform
from pipelines.cli import app
from pipelines.commands.operations import _faults
from warehouse.collect.intake import reception
from warehouse.home.files import sha256_of
from warehouse.home.folders import Home
from warehouse.home.lost_inputs import lost_partitions
from warehouse.home.register import begin_turn, end_dead_turn, note, turn_under_way
from warehouse.home.replaced import replaced, unregistered
from warehouse.lake.store import Lake
from warehouse.publish.checksums import Checksums, write_checksums

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
State = Callable[..., dict[str, str]]
Replacement = tuple[str, Callable[[], Path]]


def zhenjie(home: Path, *arguments: object, **environment: str) -> Any:
    environment = {"ZHENJIE_DATASETS": "police.population,health.death", **environment}
    command = ["--home", str(home), *map(str, arguments)]
    return CliRunner().invoke(app, command, env=environment, catch_exceptions=False)


def named(platform: Platform) -> list[str]:
    return list(_faults(platform))


@pytest.fixture
def home(undisturbed: Any, tmp_path: Path) -> Path:
    """The installation in the night of Tuesday, with what these walks do not make: reports, answers, queries."""
    home = tmp_path / "home"
    shutil.copytree(undisturbed.night, home)
    report = home / "acceptance" / TUESDAY.isoformat()
    report.mkdir(parents=True)
    (report / "index.html").write_text("<html></html>")
    done = home / "answers/done"
    done.mkdir(parents=True)
    workbook = done / f"{hashlib.sha256(b'answers').hexdigest()[:12]}-街道.xlsx"
    workbook.write_bytes(b"answers")
    (done / f"{workbook.name}.receipt.json").write_text('{"accepted": 3}')
    shutil.copyfile(home / "warehouse.duckdb", home / "standard.duckdb")
    write_checksums(home / "standard.accepted.json", Checksums(sha256_of(home / "standard.duckdb")))
    photo = tmp_path / "照片.jpg"
    photo.write_bytes(b"\xff\xd8")
    zhenjie(home, "deliver", photo, "--batch", TUESDAY)
    note(Home(home))
    return home


def rewritten(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The JSON file with something else in it, still JSON of its kind."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    change(facts)
    path.write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
    return path


def copied(source: Path, target: Path) -> Path:
    """Another whole file of the kind in the place of one."""
    assert source.read_bytes() != target.read_bytes()
    shutil.copyfile(source, target)
    return target


def replacements(home: Path, evening: Path) -> Iterator[Replacement]:
    """One of each kind of thing, what the doctor has to call it, and how it is replaced; gives the place."""
    days = home / "lake/ticket/all/batch=2026-03-02", home / "lake/ticket/all/batch=2026-03-03"
    monday, tuesday = ((*day.glob("*.parquet"), day / "_manifest.json") for day in days)
    yield "与分区清单中的校验值不符", lambda: copied(monday[0], tuesday[0])
    yield (
        "数据湖的分区",
        lambda: rewritten(tuesday[1], lambda facts: facts["facts"].update(to_answer=9)),
    )

    def with_its_manifest() -> Path:
        copied(monday[0], tuesday[1].with_name(monday[0].name))
        return copied(monday[1], tuesday[1])

    tuesday[1].with_name(monday[0].name).write_bytes(b"")
    yield "数据湖的分区", with_its_manifest
    (received,) = reception.receipts(Home(home).inbox, TUESDAY)
    receipt = received.path.with_name(reception.RECEIPT)
    yield "与回执中的校验值不符", lambda: copied(home / "register.txt", received.path)
    yield (
        "回执与台账登记的交付不符",
        lambda: rewritten(receipt, lambda facts: facts.update(dataset="health.death")),
    )
    yield "交付的回执或确认", lambda: rewritten(receipt, lambda facts: facts.update(header_row=7))

    def file_and_receipt() -> Path:
        received.path.write_bytes(b"\xe5")
        return rewritten(receipt, lambda facts: facts.update(sha256=sha256_of(received.path)))

    yield "回执与台账登记的交付不符", file_and_receipt
    (photo,) = reception.receipts(Home(home).aside, TUESDAY)
    yield "与回执中的校验值不符", lambda: copied(receipt, photo.path)
    yield (
        "未能采用的文件的回执",
        lambda: rewritten(
            photo.path.with_name(reception.RECEIPT), lambda facts: facts.update(received_at="2026")
        ),
    )
    returns = home / "returns/2026-03-02", home / "returns/2026-03-03"
    package = sorted(returns[1].glob("*.zip"))[0]
    yield "返还包与目录不符", lambda: copied(returns[0] / package.name, package)

    def package_and_index() -> Path:
        with zipfile.ZipFile(package, "a") as archive:
            archive.writestr("另一个.txt", "x")

        def change(facts: dict[str, Any]) -> None:
            (told,) = [told for told in facts["packages"] if told["file"] == package.name]
            told["sha256"] = sha256_of(package)

        return rewritten(returns[1] / "index.json", change)

    yield "返还包及其目录", package_and_index
    yield "批次概览", lambda: copied(returns[0] / "summary.html", returns[1] / "summary.html")
    yield "验收报告", lambda: copied(receipt, home / "acceptance/2026-03-03/index.html")
    (answer,) = (home / "answers/done").glob("*.xlsx")
    yield "已接收的答复工作簿与接收时不符", lambda: copied(receipt, answer)
    told = answer.with_name(f"{answer.name}.receipt.json")
    yield "已接收的答复工作簿或其回执", lambda: rewritten(told, lambda facts: facts.update(accepted=4))
    accepted = home / "warehouse.accepted.json"
    yield (
        "与通过验收时的校验值不符",
        lambda: copied(home / "warehouse.previous.duckdb", home / "warehouse.duckdb"),
    )

    def database_and_checksum() -> Path:
        previous = copied(home / "warehouse.previous.duckdb", home / "warehouse.duckdb")
        write_checksums(accepted, Checksums(sha256_of(previous), sha256_of(previous)))
        return accepted

    yield "治理库通过验收时的校验值", database_and_checksum
    standard = home / "standard.duckdb"
    yield "与生成时的校验值不符", lambda: copied(home / "warehouse.previous.duckdb", standard)

    def standard_and_checksum() -> Path:
        copied(home / "warehouse.previous.duckdb", standard)
        write_checksums(home / "standard.accepted.json", Checksums(sha256_of(standard)))
        return home / "standard.accepted.json"

    yield "标准表查询库的校验值", standard_and_checksum

    def other_key() -> Path:
        (home / "signing.key").write_text("YW5vdGhlciBrZXkgb2YgdGhlIHRlc3Qgc3VpdGUuLi4=", encoding="ascii")
        return home / "signing.key"

    yield "签章密钥", other_key
    yield "台账末尾缺少", lambda: copied(evening / "ledger.sqlite", home / "ledger.sqlite")

    def register_and_seal() -> Path:
        copied(evening / "register.seal.json", home / "register.seal.json")
        return copied(evening / "register.txt", home / "register.txt")

    yield "它可能换成了旧的", register_and_seal
    yield (
        "登记表与写入时不符",
        lambda: copied(evening / "register.txt", home / "register.txt"),
    )


def test_the_replacement_of_each_kind_of_thing_is_named_with_the_way_back(
    home: Path, undisturbed: Any, install: Callable[[Path], Platform], tmp_path: Path
) -> None:
    platform, whole = install(home), tmp_path / "whole"
    assert named(platform) == []
    with closing(sqlite3.connect(home / "ledger.sqlite")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(home, whole)
    silent = []
    for called, replace in replacements(home, undisturbed.evening):
        replace()
        found = [line for line in named(platform) if called in line]
        if not found or "。" not in found[0]:
            silent.append(called)
        shutil.rmtree(home)
        shutil.copytree(whole, home)
    assert silent == []
    assert named(platform) == []


def test_a_turn_makes_again_what_was_replaced_of_its_batch_with_the_same_bytes(
    home: Path, process: Any, undisturbed: Any, state_of: State
) -> None:
    def made() -> dict[str, str]:
        # The page speaks of the file set aside, which the walk that made it had not met.
        apart = ("ledger", "2026-03-03/summary.html")
        return {
            name: digest for name, digest in state_of(home).items() if not any(part in name for part in apart)
        }

    kept = made()
    manifest = home / "lake/finding/police.population/batch=2026-03-03/_manifest.json"
    rewritten(manifest, lambda facts: facts["facts"].update(invented=1))
    index = home / "returns/2026-03-03/index.json"
    rewritten(index, lambda facts: facts["packages"].pop())
    copied(home / "returns/2026-03-02/summary.html", home / "returns/2026-03-03/summary.html")
    copied(home / "warehouse.previous.duckdb", home / "warehouse.duckdb")
    write_checksums(home / "warehouse.accepted.json", Checksums(sha256_of(home / "warehouse.duckdb")))
    process.walk(home, TUESDAY)
    assert made() == kept
    pages = [home / f"returns/{day}/summary.html" for day in (MONDAY, TUESDAY)]
    assert pages[0].read_bytes() != pages[1].read_bytes()
    assert list(replaced(Home(home))) == []


def test_a_turn_does_not_read_a_partition_of_an_earlier_batch_that_was_replaced(home: Path) -> None:
    manifest = home / "lake/ticket/all/batch=2026-03-02/_manifest.json"
    rewritten(manifest, lambda facts: facts["facts"].update(to_answer=9))
    said = zhenjie(home, "run", "--batch", TUESDAY)
    assert said.exit_code == 3
    assert str(manifest) in said.stderr and "zhenjie run --batch 2026-03-02" in said.stderr


def test_a_turn_does_not_go_on_with_a_receipt_of_its_batch_that_was_replaced(home: Path) -> None:
    (received,) = reception.receipts(Home(home).inbox, TUESDAY)
    rewritten(received.path.with_name(reception.RECEIPT), lambda facts: facts.update(header_row=7))
    said = zhenjie(home, "run", "--batch", TUESDAY)
    assert said.exit_code == 3
    assert "receipt.json" in said.stderr and "zhenjie deliver" in said.stderr


def test_what_a_killed_turn_has_made_is_not_taken_for_replaced(
    home: Path, process: Any, install: Callable[[Path], Platform]
) -> None:
    place = Home(home)
    begin_turn(place, TUESDAY)
    manifest = home / "lake/finding/police.population/batch=2026-03-03/_manifest.json"
    rewritten(manifest, lambda facts: facts["facts"].update(again=1))
    (home / "lake/finding/health.death/batch=2026-03-04").mkdir()
    shutil.copyfile(manifest, home / "lake/finding/health.death/batch=2026-03-04/_manifest.json")
    assert list(replaced(place)) == []
    assert unregistered(place) == []
    end_dead_turn(place)
    assert turn_under_way(place) is None
    assert list(replaced(place)) == []
    assert unregistered(place) == ["lake/finding/health.death/batch=2026-03-04"]


def test_an_edited_register_is_named_by_reply_and_settled_by_accepting_it(
    home: Path, install: Callable[[Path], Platform], tmp_path: Path
) -> None:
    register = home / "register.txt"
    register.write_text("".join(register.read_text().splitlines(keepends=True)[5:]))
    shutil.rmtree(home / "acceptance/2026-03-03")
    receipt = next((home / "answers/done").glob("*.receipt.json"))
    rewritten(receipt, lambda facts: facts.update(accepted=4))
    workbook = tmp_path / "x.xlsx"
    workbook.write_bytes(b"")
    assert "登记表与写入时不符" in zhenjie(home, "reply", workbook).stderr
    said = zhenjie(home, "restore", "--accept-loss", "登记表被误改，无备份", ZHENJIE_USER="处长")
    assert said.exit_code == 0, said.output
    assert "台账缺失确认，处长，登记表被误改，无备份" in said.stdout
    with install(home).open_ledger() as ledger:
        places = ledger.entries()[-1].detail["places"]
    assert isinstance(places, list)
    assert {"register.txt", "acceptance/2026-03-03"} <= set(places)
    assert named(install(home)) == []
    assert zhenjie(home, "restore", "--accept-loss", "再来").exit_code == 2, "nothing is gone"


def test_a_report_that_nobody_has_any_more_is_accepted_as_gone(home: Path) -> None:
    shutil.rmtree(home / "acceptance/2026-03-03")
    assert zhenjie(home, "doctor").exit_code == 1
    assert zhenjie(home, "restore", "--accept-loss", "已无备份").exit_code == 0
    assert zhenjie(home, "doctor").exit_code == 0


@pytest.mark.parametrize(
    ("place", "known_by"),
    [
        ("lake/extract/health.death/batch=2026-03-02", "已发布的治理库列有它"),
        ("lake/standard/police.population/batch=2026-03-02", "批次 2026-03-03 的分区用到它"),
        ("lake/finding/police.population/batch=2026-03-03", "所依据的 finding/police.population 分区"),
        ("lake/governance/person/batch=2026-03-03", "所依据的 governance/person 分区"),
        ("lake/ticket/all/batch=2026-03-02", "所依据的 ticket/all 分区"),
        ("lake/ticket/all/batch=2026-03-03", "已发布的治理库列有这一批次"),
    ],
)
def test_a_partition_that_is_deleted_with_its_line_in_the_register_is_named(
    home: Path, place: str, known_by: str, install: Callable[[Path], Platform]
) -> None:
    shutil.rmtree(home / place)
    register = home / "register.txt"
    lines = register.read_text(encoding="utf-8").splitlines(keepends=True)
    register.write_text("".join(line for line in lines if not line.startswith(place)), encoding="utf-8")
    (home / "register.seal.json").unlink()
    note(Home(home))
    assert [line for line in named(install(home)) if known_by in line and "zhenjie run --batch" in line]


def test_a_batch_that_is_run_again_is_not_taken_for_a_loss(home: Path) -> None:
    manifest = home / "lake/standard/health.death/batch=2026-03-02/_manifest.json"
    rewritten(manifest, lambda facts: facts["parts"][0].update(content="0" * 64))
    note(Home(home), MONDAY)
    assert list(lost_partitions(Home(home), Lake(home / "lake"))) == []
