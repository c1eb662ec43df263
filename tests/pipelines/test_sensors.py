"""Sensors and the schedule: what starts a run, when, and what is left alone."""

from __future__ import annotations

import json
import os
import shutil
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from assets.common import BATCHES
from assets.platform import Platform
from pipelines import sensors
from pipelines.alerts import open_alerts
from pipelines.definitions import build_definitions
from pipelines.jobs import answers
from pipelines.schedules import every_morning
from pipelines.sensors import alert, answered, inbox, warned
from quality.published import TICKETS
from returns.ledger.store import Ledger
from warehouse.collect.intake import reception
from warehouse.home.names import shown
from warehouse.lake.store import Origin

BATCH = date(2026, 3, 2)
CHINA = ZoneInfo("Asia/Shanghai")
INSTANCE = dg.DagsterInstance.ephemeral()


@pytest.fixture
def platform(install: Callable[[Path], Platform], tmp_path: Path) -> Platform:
    return install(tmp_path / "home")


@pytest.fixture(scope="module")
def files(city_after_one_turn: Any) -> dict[str, Path]:
    """Name before the date → a delivered file."""
    folder: Path = city_after_one_turn.samples / "2026-03-02"
    return {path.name.partition("_")[0]: path for path in folder.iterdir() if path.is_file()}


@pytest.fixture(autouse=True)
def end_of_march(monkeypatch: pytest.MonkeyPatch) -> None:
    """The business date, whatever the clock says."""
    monkeypatch.setattr(sensors, "today", lambda: date(2026, 3, 31))


def drop(folder: Path, path: Path, age: float = 60) -> Path:
    """Put a file loose into a folder, last written to `age` seconds ago."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / path.name
    shutil.copyfile(path, target)
    os.utime(target, (time.time() - age, time.time() - age))
    return target


def tick(platform: Platform, cursor: str | None) -> tuple[list[dg.RunRequest], str | None]:
    """One evaluation of the inbox: the runs it asks for and the cursor it leaves."""
    result = inbox(dg.build_sensor_context(INSTANCE, cursor=cursor), platform=platform)
    assert isinstance(result, dg.SensorResult)
    return list(result.run_requests or []), result.cursor


def receive(platform: Platform, path: Path, day: date) -> None:
    reception.deliver(platform.home, platform.library, [path], day, datetime(2026, 3, 2, 8, tzinfo=CHINA))


def test_an_empty_inbox_asks_for_nothing(platform: Platform) -> None:
    assert tick(platform, None)[0] == []


def test_loose_files_are_received_and_their_batch_is_run_once(
    platform: Platform, files: dict[str, Path]
) -> None:
    dropped = [drop(platform.home.inbox, files["户籍人口"]), drop(platform.home.inbox, files["房屋"])]
    runs, cursor = tick(platform, None)
    (day,) = reception.batches(platform.home)
    assert [run.partition_key for run in runs] == [day.isoformat()]
    assert {r.dataset for r in reception.receipts(platform.home.inbox, day)} == {
        "police.population",
        "housing.dwelling",
    }
    assert not any(path.exists() for path in dropped)
    assert tick(platform, cursor) == ([], cursor)


def test_a_file_that_is_still_being_written_waits(platform: Platform, files: dict[str, Path]) -> None:
    path = drop(platform.home.inbox, files["房屋"], age=5)
    hidden = drop(platform.home.inbox, files["户籍人口"]).rename(platform.home.inbox / ".part.csv")
    assert tick(platform, None)[0] == []
    assert path.exists() and hidden.exists()


def test_one_file_that_cannot_be_received_holds_up_no_other(
    platform: Platform, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = drop(platform.home.inbox, files["市场主体"])
    drop(platform.home.inbox, files["户籍人口"])
    drop(platform.home.inbox, files["房屋"])
    deliver = reception.deliver

    def failing(home: Any, library: Any, paths: list[Path], *more: Any) -> Any:
        if broken in paths:
            raise OSError(5, "Input/output error")
        return deliver(home, library, paths, *more)

    monkeypatch.setattr(reception, "deliver", failing)
    runs, cursor = tick(platform, None)
    assert len(runs) == 1
    assert [path.name for path in platform.home.inbox.iterdir() if path.is_file()] == [broken.name]
    monkeypatch.undo()
    again, _ = tick(platform, cursor)
    assert len(again) == 1 and again[0].run_key != runs[0].run_key
    assert not broken.exists()


ODD = [
    b"\xbb\xa7\xbc\xae.csv",
    b"\xff.csv",
    b"a\x1b[2J\n.csv",
    "a\u202egpj.csv".encode(),
    b"receipt.json",
    b"-x",
]


def test_files_of_any_name_are_received_and_stop_nobody(
    platform: Platform, files: dict[str, Path], tmp_path: Path
) -> None:
    for number, raw in enumerate(ODD):
        path = tmp_path / os.fsdecode(raw)
        path.write_text(f"甲,乙\n{number},1\n", encoding="utf-8")
        drop(platform.home.inbox, path)
    drop(platform.home.inbox, files["房屋"])
    (platform.home.inbox / "三月").mkdir()
    runs, _ = tick(platform, None)
    assert len(runs) == 1
    assert [path.name for path in platform.home.inbox.iterdir() if path.is_file()] == []
    (day,) = reception.batches(platform.home)
    told = {receipt.file for receipt in reception.receipts(platform.home.aside, day)}
    assert told == {"户籍.csv", "\\xff.csv", "a\\x1b[2J\\n.csv", "a\\u202egpj.csv", "receipt.json", "-x"}


def test_a_file_that_breaks_a_reader_holds_up_no_other(
    platform: Platform, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(platform.home.inbox, files["户籍人口"])
    drop(platform.home.inbox, files["房屋"])
    deliver = reception.deliver

    def failing(home: Any, library: Any, paths: list[Path], *more: Any) -> Any:
        if paths[0].name.startswith("户籍"):
            raise ValueError("370602197011241234")
        return deliver(home, library, paths, *more)

    monkeypatch.setattr(reception, "deliver", failing)
    assert len(tick(platform, None)[0]) == 1


def test_a_file_nobody_knows_is_set_aside_and_starts_nothing(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "照片.jpg").write_bytes(b"\xff\xd8")
    drop(platform.home.inbox, tmp_path / "照片.jpg")
    assert tick(platform, None)[0] == []
    assert len(list(platform.home.aside.rglob("照片.jpg"))) == 1
    assert not list(platform.home.inbox.glob("照片.jpg"))


def test_the_batches_after_a_late_delivery_are_run_again_in_their_order(
    platform: Platform, files: dict[str, Path]
) -> None:
    for day in (date(2026, 3, 2), date(2026, 3, 4)):
        receive(platform, files["房屋"], day)
    # On the third nothing was delivered, but its turn was run.
    with platform.engine.connect() as connection:
        platform.lake.write(connection, *TICKETS, date(2026, 3, 3), "SELECT 'T' AS ticket_id", Origin({}))
    first, cursor = tick(platform, None)
    assert [run.partition_key for run in first] == ["2026-03-02", "2026-03-03", "2026-03-04"]
    receive(platform, files["户籍人口"], date(2026, 3, 3))
    second, cursor = tick(platform, cursor)
    assert [run.partition_key for run in second] == ["2026-03-03", "2026-03-04"]
    assert {run.run_key for run in first}.isdisjoint(run.run_key for run in second)
    assert tick(platform, cursor)[0] == []


def test_a_batch_of_a_day_to_come_waits_for_it_and_holds_up_no_other(
    platform: Platform, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(platform, files["房屋"], date(2026, 4, 1))
    receive(platform, files["房屋"], date(1990, 1, 1))
    first, cursor = tick(platform, None)
    assert [run.partition_key for run in first] == ["1990-01-01"]
    # Dagster takes the request: of a day that is no partition it takes none of the requests.
    assert BATCHES.has_partition_key("1990-01-01") and not BATCHES.has_partition_key("1989-12-31")
    monkeypatch.setattr(sensors, "today", lambda: date(2026, 4, 1))
    assert [run.partition_key for run in tick(platform, cursor)[0]] == ["2026-04-01"]


def test_a_turn_without_deliveries_is_no_news(platform: Platform, files: dict[str, Path]) -> None:
    receive(platform, files["房屋"], date(2026, 3, 2))
    _, cursor = tick(platform, None)
    with platform.engine.connect() as connection:
        platform.lake.write(connection, *TICKETS, date(2026, 3, 3), "SELECT 'T' AS ticket_id", Origin({}))
    assert tick(platform, cursor)[0] == []


def test_the_morning_s_turn_is_of_the_day_in_china() -> None:
    # Six in the morning of the third in China is ten in the evening of the second at Greenwich.
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 3, 2, 22, tzinfo=UTC))
    request = every_morning(context)
    assert (request.partition_key, request.run_key) == ("2026-03-03", "morning-2026-03-03")
    assert (every_morning.cron_schedule, every_morning.execution_timezone) == ("0 6 * * *", "Asia/Shanghai")


@pytest.fixture
def office(city_after_one_turn: Any, install: Callable[[Path], Platform], tmp_path: Path) -> Platform:
    """An installation with the tickets of the sample city and an empty ledger."""
    for part in ("lake", "inbox"):
        shutil.copytree(city_after_one_turn.platform.home.root / part, tmp_path / "home" / part)
    return install(tmp_path / "home")


@pytest.fixture
def workbooks(city_after_one_turn: Any, tmp_path: Path) -> list[Path]:
    """Two townships' workbooks under one name, as an office may name them."""
    found = []
    for number, package in enumerate(
        sorted(city_after_one_turn.platform.home.returns(BATCH).glob("*.zip"))[:2]
    ):
        with zipfile.ZipFile(package) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(".xlsx"))
            folder = tmp_path / f"office{number}"
            folder.mkdir()
            (folder / "工作簿.xlsx").write_bytes(archive.read(name))
            found.append(folder / "工作簿.xlsx")
    return found


def look(platform: Platform) -> dg.RunRequest | dg.SkipReason:
    result: dg.RunRequest | dg.SkipReason = answered(dg.build_sensor_context(), platform=platform)
    return result


def run_answers(platform: Platform, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    return answers.execute_in_process(
        run_config=request.run_config,
        resources={"platform": platform},
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )


def test_answered_workbooks_are_taken_in_and_kept_with_their_receipts(
    office: Platform, workbooks: list[Path]
) -> None:
    assert isinstance(look(office), dg.SkipReason)
    for workbook in workbooks:
        drop(office.home.answers, workbook)
        request = look(office)
        assert isinstance(request, dg.RunRequest)
        assert run_answers(office, request).success
    assert isinstance(look(office), dg.SkipReason)
    done = sorted(path.name for path in (office.home.answers / "done").iterdir())
    assert len(done) == 4
    receipts = [name for name in done if name.endswith("-工作簿.xlsx.receipt.json")]
    told = [
        json.loads((office.home.answers / "done" / name).read_text(encoding="utf-8")) for name in receipts
    ]
    assert len({receipt["unit_code"] for receipt in told}) == 2
    assert all(receipt["unanswered"] > 0 and receipt["refused"] == [] for receipt in told)
    with Ledger.open(office.ledger_url) as ledger:
        assert [entry.actor for entry in ledger.entries()] == ["sensor", "sensor"]


def test_workbooks_of_any_name_are_taken_in_and_stored_under_a_safe_one(
    office: Platform, workbooks: list[Path], tmp_path: Path
) -> None:
    names = ["答复.xlsx".encode("gb18030"), b"\x1b[2J\xff" + b"x" * 240 + b".xlsx"]
    for raw, workbook in zip(names, workbooks, strict=True):
        drop(office.home.answers, workbook.rename(tmp_path / os.fsdecode(raw))).chmod(0o664)
    (office.home.answers / "文件夹.xlsx").mkdir()
    request = look(office)
    assert isinstance(request, dg.RunRequest)
    # As Dagster keeps it.
    request = dg.RunRequest(run_config=json.loads(json.dumps(request.run_config).encode("utf-8")))
    assert run_answers(office, request).success
    assert isinstance(look(office), dg.SkipReason)
    done = office.home.answers / "done"
    told = [json.loads(path.read_text(encoding="utf-8")) for path in done.glob("*.receipt.json")]
    assert {unquote_to_bytes(receipt["original_bytes"]) for receipt in told} == set(names)
    assert any(receipt["file"] == "答复.xlsx" for receipt in told)
    for path in done.iterdir():
        assert not {"\x1b", "\udcff"} & set(path.name)
        assert path.stat().st_mode & 0o777 == 0o600 or path.suffix == ".json"
    with Ledger.open(office.ledger_url) as ledger:
        assert {
            entry.detail["file_name"] == shown(str(entry.detail["file_name"])) for entry in ledger.entries()
        } == {True}


def test_a_workbook_that_cannot_be_moved_fails_the_run_after_the_others(
    office: Platform, workbooks: list[Path], tmp_path: Path
) -> None:
    gone = str(office.home.answers / "gone.xlsx")
    there = drop(office.home.answers, workbooks[0])
    request = dg.RunRequest(
        run_config={"ops": {"take_in_answers": {"config": {"files": [gone, str(there)]}}}}
    )
    result = run_answers(office, request)
    assert not result.success
    assert not there.exists()
    with Ledger.open(office.ledger_url) as ledger:
        assert len(ledger.entries()) == 1


def test_a_job_takes_nothing_but_workbooks_in_the_folder_of_answers(
    office: Platform, workbooks: list[Path], tmp_path: Path
) -> None:
    """Whoever reaches Dagster may name any file: none of these may be read, moved or removed."""
    home = office.home
    with Ledger.open(office.ledger_url):
        pass
    outside = tmp_path / "outside.xlsx"
    shutil.copy(workbooks[0], outside)
    done = home.answers / "done"
    done.mkdir(parents=True)
    (kept,) = [shutil.copy(workbooks[0], done / "kept.xlsx")]
    (home.answers / "link.xlsx").symlink_to(home.ledger)
    (home.answers / "folder.xlsx").mkdir()
    (home.answers / "old.xls").write_bytes(b"old")
    (tmp_path / "away").symlink_to(home.answers / "done")
    named = [
        home.ledger, outside, kept, home.answers / "link.xlsx", home.answers / "folder.xlsx", home.answers / "old.xls",
        home.answers / ".." / "ledger.sqlite", home.answers / ".." / ".." / "outside.xlsx",
        tmp_path / "away" / "kept.xlsx", Path("outside.xlsx"),
    ]  # fmt: skip
    good = drop(home.answers, workbooks[1])
    before = {
        path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*") if path != good and path.is_file()
    }
    files = [*map(str, named), str(good)]
    request = dg.RunRequest(run_config={"ops": {"take_in_answers": {"config": {"files": files}}}})
    result = run_answers(office, request)
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    assert failure.step_failure_data.error is not None
    assert f"{len(named)} workbooks could not be taken in" in failure.step_failure_data.error.message
    assert {path for path in before if path.exists()} == set(before)
    assert not good.exists()
    with Ledger.open(office.ledger_url) as ledger:
        assert len(ledger.entries()) == 1


def test_a_failed_run_leaves_an_alert_that_status_shows(
    platform: Platform, zhenjie: Callable[..., Any]
) -> None:
    broken = replace(platform, ledger_url="sqlite:////dev/null/ledger.sqlite")
    instance = dg.DagsterInstance.ephemeral()
    definitions = build_definitions(platform, resources={"platform": broken})
    result = definitions.resolve_job_def("turn").execute_in_process(
        instance=instance, partition_key="2026-03-02", raise_on_error=False
    )
    assert not result.success
    (event,) = (e for e in result.all_events if e.event_type == dg.DagsterEventType.RUN_FAILURE)
    context = dg.build_run_status_sensor_context(
        sensor_name="alert", dagster_event=event, dagster_instance=instance, dagster_run=result.dagster_run
    ).for_run_failure()
    alert(context, platform=platform)
    said = zhenjie(platform.home.root, "status", "--json")
    assert said.code == 0
    (shown,) = said.json["alerts"]
    assert (shown["job"], shown["batch"], shown["run"]) == ("turn", "2026-03-02", result.run_id)
    assert "standard__police__population" in shown["failed"]
    first = zhenjie(platform.home.root, "status").out.splitlines()[0]
    assert first.startswith(f"警报 {shown['at']} 批次 2026-03-02 失败")


def test_a_run_of_dagster_that_warns_leaves_an_alert_and_one_without_trouble_settles_it(
    office: Platform,
) -> None:
    aside = office.home.aside / BATCH.isoformat() / "E1"
    shutil.copytree(next((office.home.inbox / BATCH.isoformat()).glob("E*")), aside)
    tags = {"dagster/partition": BATCH.isoformat()}

    def succeed() -> None:
        instance = dg.DagsterInstance.ephemeral()
        run = dg.DagsterRun(job_name="turn", tags=tags, status=dg.DagsterRunStatus.SUCCESS)
        event = dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, "turn")
        context = dg.build_run_status_sensor_context("warned", event, instance, run)
        warned(context, platform=office)

    succeed()
    ((_, raised),) = open_alerts(office.home)
    assert (raised.batch, raised.failed) == (BATCH.isoformat(), ())
    assert raised.warnings == ("1 个文件未能接收，已搁置，原因见回执",)
    shutil.rmtree(aside)
    succeed()
    assert list(open_alerts(office.home)) == []
    assert len(list((office.home.alerts / "done").glob("*.json"))) == 1
