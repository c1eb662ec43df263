"""Step threads import nothing: what they need is there before, imported while no step runs."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from pipelines.dagster_private import InMemoryJob, execute_run
from pipelines.run.step_imports import StepImports
from pipelines.run.threaded_executor import SideBySide
from tests.postgresql import running
from warehouse.home.folders import Home


def test_steps_of_two_turns_import_no_module(demonstration: Any) -> None:
    """Through every stage, the acceptance gate, the packages and the summary, in a process that began cold."""
    assert demonstration.imported_by_steps == ()


def test_a_module_for_one_step_is_imported_in_the_main_thread_while_no_step_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    monkeypatch.setattr(sys, "_log_of_this_test", log, raising=False)
    (tmp_path / "needed_by_one_step.py").write_text(
        "import sys, threading\nsys._log_of_this_test.append(f'import in {threading.current_thread().name}')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    others_end = threading.Event()

    class Imports(StepImports):
        def of_step(self, key: str) -> Sequence[str]:
            names = ["needed_by_one_step"] if key == "needs" else []
            threading.Timer(0.3, others_end.set).start()
            return [name for name in names if name not in sys.modules]

    @dg.asset
    def before() -> None:
        others_end.wait(30)
        log.append("before ended")

    @dg.asset
    def needs() -> None:
        log.append("needs ran")

    @dg.executor(name="side_by_side")
    def two_at_once(_: dg.InitExecutorContext) -> SideBySide:
        return SideBySide(2, lambda: None, Imports())

    definitions = dg.Definitions(
        assets=[before, needs], jobs=[dg.define_asset_job("all")], executor=two_at_once
    )
    job = definitions.resolve_job_def("all")
    with dg.DagsterInstance.ephemeral() as instance:
        assert execute_run(InMemoryJob(job), instance.create_run_for_job(job_def=job), instance).success
    monkeypatch.delitem(sys.modules, "needed_by_one_step")
    assert log == ["before ended", "import in MainThread", "needs ran"]


@pytest.mark.parametrize(
    ("step", "there_is_a_candidate", "modules"),
    [
        ("publication__candidate_acceptance", True, ["quality.acceptance.gate"]),
        ("publication__candidate_acceptance", False, []),
        ("publication__candidate", True, []),
    ],
)
def test_great_expectations_is_imported_for_a_candidate_only(
    step: str,
    there_is_a_candidate: bool,
    modules: list[str],
    install: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "quality.acceptance.gate", raising=False)
    platform = install(tmp_path)
    if there_is_a_candidate:
        (Home(tmp_path).root / "warehouse.candidate.duckdb").touch()
    assert list(StepImports(platform).of_step(step)) == modules


OPENS_A_LEDGER = """
import sys, threading
from pathlib import Path
from types import SimpleNamespace
from pipelines.run.step_imports import StepImports
from returns.ledger.store import Ledger
from tests.pipelines.watched import Watch

url = sys.argv[1]
StepImports(SimpleNamespace(ledger_url=url)).before_steps()
watch = Watch()
sys.meta_path.insert(0, watch)

def step():
    with Ledger.open(url) as ledger:
        ledger.replies("2026-03-02")

thread = threading.Thread(target=step, name="step")
thread.start()
thread.join()
watch.write(Path(sys.argv[2]))
"""


def test_steps_open_a_ledger_in_postgresql_and_import_no_module(tmp_path: Path) -> None:
    """Steps of two datasets may be the first to open it, at the same time."""
    imported = tmp_path / "imported.txt"
    with running() as server:
        subprocess.run(
            [sys.executable, "-c", OPENS_A_LEDGER, server.database(), str(imported)],
            check=True,
            cwd=Path(__file__).parents[3],
        )
    assert imported.read_text(encoding="utf-8").split() == []
