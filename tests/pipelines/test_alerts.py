"""A damaged delivery, from the run to the townships: an alert, packages of an earlier day, and the way back."""

from __future__ import annotations

import io
import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest

from pipelines.alerts import Alert, open_alerts, raise_alert, settle
from warehouse.collect.intake import reception
from warehouse.home.folders import Home

BEFORE, BATCH = date(2026, 3, 3), date(2026, 3, 4)
DATASET, TITLE = "health.death", "卫生健康《死亡医学证明》"


@pytest.fixture
def home(demonstration: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy of the demonstration's home; every candidate is accepted."""
    ignored = shutil.ignore_patterns("spill", "dagster", "sample")
    shutil.copytree(demonstration.home, tmp_path / "home", ignore=ignored)
    verdict = SimpleNamespace(passed=True, checks=1, failed=(), report=tmp_path / "index.html")
    monkeypatch.setitem(
        sys.modules,
        "quality.acceptance.gate",
        SimpleNamespace(accept=lambda *_, **__: verdict, Opening=lambda *_: None),
    )
    return Home(tmp_path / "home")


def workbook_texts(package: Path) -> tuple[str, dict[str, Any]]:
    """All texts of a package's workbook, and its manifest."""
    with zipfile.ZipFile(package) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".xlsx"))
        book = openpyxl.load_workbook(io.BytesIO(archive.read(name)), read_only=True)
        cells = (
            cell for sheet in book for row in sheet.iter_rows(max_row=30, values_only=True) for cell in row
        )
        return "\n".join(str(cell) for cell in cells if cell is not None), json.loads(
            archive.read("manifest.json")
        )


def test_a_damaged_delivery_keeps_no_package_from_the_townships(
    home: Home, zhenjie: Callable[..., Any], tmp_path: Path
) -> None:
    day, root = BATCH.isoformat(), home.root
    (old,) = [r for r in reception.receipts(home.inbox, BEFORE) if r.dataset == DATASET]
    shutil.copyfile(old.path, tmp_path / old.path.name)
    assert zhenjie(root, "deliver", tmp_path / old.path.name, "--dataset", DATASET, "--batch", day).code == 0
    (receipt,) = reception.receipts(home.inbox, BATCH)
    whole = receipt.path.read_bytes()
    receipt.path.write_bytes(whole[:-1])

    said = zhenjie(root, "run", "--batch", day)
    assert said.code == 1
    assert "本批次有文件未采用" in said.err
    ((_, alert),) = open_alerts(home)
    assert (alert.batch, alert.failed) == (day, ())
    assert any("本批次有文件未采用" in text for text in alert.warnings)
    status = zhenjie(root, "status")
    assert status.out.startswith("警报 ")
    assert "与回执中的校验值不符" in status.out
    page = (home.returns(BATCH) / "summary.html").read_text(encoding="utf-8")
    assert "本批次有文件未采用" in page[page.index("<main>") : page.index("<h1>")]
    packages = sorted(home.returns(BATCH).glob("*.zip"))
    assert packages
    texts, manifest = workbook_texts(packages[0])
    assert f"沿用 {BEFORE} 的数据" in texts
    assert texts.count("【注意】") > 1, "on the sheet 说明 and above the tables"
    assert manifest["data_batches"][DATASET] == BEFORE.isoformat()

    receipt.path.write_bytes(whole)
    again = zhenjie(root, "run", "--batch", day)
    assert (again.code, list(open_alerts(home))) == (0, [])
    texts, manifest = workbook_texts(packages[0])
    assert "【注意】" not in texts
    assert manifest["data_batches"][DATASET] == day


def test_alerts_are_settled_by_job_and_batch_and_a_broken_file_stays_in_sight(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for run, batch in (("b", "2026-03-03"), ("a", "2026-03-02")):
        raise_alert(home, Alert(run, "turn", batch, ("step",), (), f"{batch}T00:00:00+00:00"))
    raise_alert(home, Alert("c", "turn", "2026-03-02", (), (), "2026-03-02T00:00:00+00:00"))
    (home.alerts / "broken.json").write_text("{", encoding="utf-8")
    assert [alert.run for _, alert in open_alerts(home)] == ["broken", "a", "b"]
    settle(home, "turn", "2026-03-02")
    assert [alert.run for _, alert in open_alerts(home)] == ["broken", "b"]
    assert (home.alerts / "done" / "a.json").exists()
