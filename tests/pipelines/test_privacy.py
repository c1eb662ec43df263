"""A turn under a key: nothing lies in the open, and what is logged of a turn that goes wrong names nobody."""

from __future__ import annotations

import base64
import csv
import sys
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

import assets.tasks
from assets.platform import CHINA, Platform
from pipelines.platform import build_platform
from pipelines.run.instance import dagster_instance
from pipelines.run.turn import TurnResult, run_turn
from pipelines.settings import read_settings
from sample_city.generate import generate
from warehouse.collect.intake import reception
from warehouse.home.encryption import Key, Keys, WrongKey, is_encrypted
from warehouse.home.rekey import other_keys, rekey_lake, rekey_warehouse
from warehouse.incremental.context import BatchContext
from warehouse.publish.switch import open_published, published

DAY, NEXT = date(2026, 3, 2), date(2026, 3, 3)
KEY, OTHER = (base64.b64encode(bytes([n] * 32)).decode() for n in (1, 2))
DATASETS = "police.population,police.cancellation,health.death"


@dataclass(frozen=True)
class Turned:
    """An installation under a key after a turn that went well and one in which an asset failed."""

    platform: Platform
    people: tuple[bytes, ...]
    first: TurnResult
    second: TurnResult
    said: str


def installation(home: Path, **environment: str) -> Platform:
    return build_platform(read_settings({"ZHENJIE_DATASETS": DATASETS, **environment}, home))


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Turned:
    folder = tmp_path_factory.mktemp("privacy")
    generate(folder / "sample", 200, 1, DAY)
    with (folder / "sample" / "truth" / "person.csv").open(encoding="utf-8-sig") as file:
        people = list(csv.DictReader(file))
    platform = installation(folder / "home", ZHENJIE_KEY=KEY)
    files = [path for path in (folder / "sample").iterdir() if path.is_file()]
    # A file that cannot be read, with people in it.
    bad = folder / "户籍人口_20260303.csv"
    bad.write_bytes(b"\xff\x00" + "\n".join(",".join(map(str, row.values())) for row in people).encode())
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch, dagster_instance(platform.home) as instance:
        gate = SimpleNamespace(passed=True, checks=1, failed=(), report=folder)
        patch.setitem(
            sys.modules,
            "quality.acceptance.gate",
            SimpleNamespace(accept=lambda *_, **__: gate, Opening=lambda *_: None),
        )
        results = []
        for day, delivered in ((DAY, files), (NEXT, [bad])):
            at = datetime(day.year, day.month, day.day, 8, tzinfo=CHINA)
            reception.deliver(platform.home, platform.library, delivered, day, at)
            results.append(run_turn(platform, day, instance, lines.append))
            patch.setattr(assets.tasks, "verify", failing(people[0]))
    told = tuple(
        row[name].encode() for row in people for name in ("resident_id", "name", "phone") if row[name]
    )
    return Turned(platform, told, results[0], results[1], "\n".join(lines))


def failing(person: dict[str, Any]) -> Any:
    """A stage that fails on a resident's value, as DuckDB says it."""

    def verify(opened: BatchContext, *_: object) -> None:
        opened.connection.execute(f"SELECT CAST('{person['name']} {person['resident_id']}' AS INTEGER)")

    return verify


def named_in(files: list[Path], people: tuple[bytes, ...]) -> list[str]:
    """The files in which a resident's number, name or phone stands."""
    contents = {path: path.read_bytes() for path in files}
    return [str(path) for path, content in contents.items() if any(person in content for person in people)]


def below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_nothing_of_the_lake_or_the_warehouse_lies_in_the_open(turned: Turned) -> None:
    home = turned.platform.home
    assert turned.first.done
    parts = [path for path in below(home.lake) if path.suffix == ".parquet"]
    assert len(parts) > 10
    assert all(path.read_bytes()[:4] == b"PARE" for path in parts)
    assert named_in([*below(home.lake), home.warehouse, home.standard], turned.people) == []
    assert is_encrypted(home.warehouse) and is_encrypted(home.standard)
    with open_published(home, turned.platform.keys) as warehouse:
        (persons,) = warehouse.execute("SELECT count(*) FROM governance.person").fetchall()
        (named,) = warehouse.execute(
            "SELECT count(*) FROM governance.person WHERE name IS NOT NULL"
        ).fetchall()
    assert persons[0] >= 190 and named[0] >= 190


def test_a_turn_that_goes_wrong_names_nobody_in_logs_metadata_and_alerts(turned: Turned) -> None:
    home = turned.platform.home
    assert turned.second.refused + len(reception.receipts(home.aside, NEXT)) == 1
    assert "finding__police__population (QueryFailed)" in turned.second.failed
    logs = [*below(home.dagster), *below(home.alerts)]
    assert any(b"finding__police__population" in path.read_bytes() for path in logs)
    assert named_in(logs, turned.people) == []
    assert not any(person.decode() in turned.said for person in turned.people)


def test_the_key_is_in_no_file_and_no_representation(turned: Turned) -> None:
    assert named_in(below(turned.platform.home.root), (KEY.encode(),)) == []
    settings = read_settings({"ZHENJIE_KEY": KEY}, turned.platform.home.root)
    assert KEY not in repr(settings) and KEY not in repr(turned.platform)


def test_a_rule_s_sql_would_reach_the_lake_and_not_the_ledger_or_the_machine(turned: Turned) -> None:
    home = turned.platform.home
    parts = f"FROM glob('{home.lake}/standard/*/*/*.parquet')"
    with turned.platform.engine.connect() as connection:
        assert connection.execute(parts).fetchall()
        for sql in (
            "FROM read_text('{}/ledger.sqlite')",
            "FROM glob('{}/returns/*')",
            "FROM read_blob('{}/..')",
        ):
            with pytest.raises(duckdb.PermissionException):
                connection.execute(sql.format(home.root))
        with pytest.raises(duckdb.Error, match="locked"):
            connection.execute("SET enable_external_access = true")


def test_without_the_key_or_with_another_nothing_is_run_or_written(turned: Turned, zhenjie: Any) -> None:
    home = turned.platform.home
    before = [path.read_bytes() for path in below(home.lake)]
    for command, environment in (
        (["run", "--batch", "2026-03-04"], {"ZHENJIE_KEY": OTHER}),
        (["query", "SELECT 1"], {"ZHENJIE_KEY": OTHER}),
        (["doctor"], {}),
    ):
        said = zhenjie(home.root, *command, ZHENJIE_DATASETS=DATASETS, **environment)
        assert said.code == 2 and said.out == "", command
        assert "已加密" in said.err and "ZHENJIE_KEY" in said.err and KEY not in said.err
    assert [path.read_bytes() for path in below(home.lake)] == before
    with pytest.raises(WrongKey):
        installation(home.root, ZHENJIE_KEY=OTHER)


def test_a_backup_is_restored_with_its_key_only(turned: Turned, zhenjie: Any, tmp_path: Path) -> None:
    archive, home = tmp_path / "backup.tar", tmp_path / "restored"
    common = {"ZHENJIE_DATASETS": DATASETS}
    kept = zhenjie(turned.platform.home.root, "backup", archive, ZHENJIE_KEY=KEY, **common)
    assert kept.code == 0, kept.err
    refused = zhenjie(home, "restore", archive, ZHENJIE_KEY=OTHER, **common)
    assert refused.code == 2 and "已加密" in refused.err
    assert not home.exists() or not any(home.iterdir())
    restored = zhenjie(home, "restore", archive, ZHENJIE_KEY=KEY, **common)
    assert restored.code == 0, restored.err
    assert published(home / "warehouse.duckdb", Keys(Key(KEY))) is not None


def test_a_new_key_reads_what_the_former_wrote_until_all_is_written_anew(turned: Turned) -> None:
    """The last test of this module: the installation has another key afterwards."""
    home = turned.platform.home
    both = installation(home.root, ZHENJIE_KEY=OTHER, ZHENJIE_FORMER_KEYS=KEY)
    fingerprints = [both.lake.partition(*place).fingerprint for place in both.lake.places()]  # type: ignore[union-attr]
    before = published(home.warehouse, both.keys)
    assert len(list(other_keys(home, both.lake))) == len(fingerprints) + 2
    with both.engine.connect() as connection:
        assert rekey_lake(connection, both.lake) == len(fingerprints)
    assert rekey_warehouse(home, both.keys) == 2
    new = installation(home.root, ZHENJIE_KEY=OTHER)
    assert list(other_keys(home, new.lake)) == []
    assert [new.lake.partition(*place).fingerprint for place in new.lake.places()] == fingerprints  # type: ignore[union-attr]
    assert published(home.warehouse, new.keys) == before
    with pytest.raises(WrongKey):
        published(home.warehouse, Keys())
