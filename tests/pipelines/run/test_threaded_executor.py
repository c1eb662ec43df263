"""Steps side by side: two at a time, what cannot run is left out, everything else is done."""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest

from pipelines.dagster_private import InMemoryJob, execute_run
from pipelines.run.step_imports import StepImports
from pipelines.run.threaded_executor import SideBySide
from schemas.codes import CodeLibrary
from warehouse.engine.connection import Engine, QueryFailed


def carried_out(
    *assets: dg.AssetsDefinition, raise_on_error: bool = False, break_off: Callable[[], None] = lambda: None
) -> dg.JobExecutionResult:
    @dg.executor(name="side_by_side")
    def two_at_once(_: dg.InitExecutorContext) -> SideBySide:
        return SideBySide(2, break_off, StepImports())

    definitions = dg.Definitions(assets=list(assets), jobs=[dg.define_asset_job("all")], executor=two_at_once)
    job = definitions.resolve_job_def("all")
    with dg.DagsterInstance.ephemeral() as instance:
        return execute_run(
            InMemoryJob(job), instance.create_run_for_job(job_def=job), instance, raise_on_error
        )


def asset(name: str, does: Callable[[], object], deps: tuple[str, ...] = ()) -> dg.AssetsDefinition:
    @dg.asset(name=name, deps=list(deps))
    def _asset() -> None:
        does()

    return _asset


def refuse() -> None:
    raise ValueError("no")


def test_two_steps_that_need_nothing_of_each_other_run_at_the_same_time() -> None:
    # Each waits for the other: one after the other neither would come to its end.
    both = threading.Barrier(2, timeout=30)
    assert carried_out(asset("a", both.wait), asset("b", both.wait)).success


def test_no_more_steps_run_at_once_than_are_asked_for() -> None:
    running, most = [0], [0]
    lock = threading.Lock()
    two = threading.Barrier(2, timeout=30)

    def count() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        two.wait()
        with lock:
            running[0] -= 1

    assert carried_out(*(asset(f"a{number}", count) for number in range(6))).success
    assert most == [2]


def test_a_step_waits_for_those_it_follows_from() -> None:
    order: list[str] = []
    done = carried_out(
        asset("last", lambda: order.append("last"), ("middle",)),
        asset("middle", lambda: order.append("middle"), ("first",)),
        asset("first", lambda: order.append("first")),
    )
    assert done.success
    assert order == ["first", "middle", "last"]


def test_what_follows_from_a_failed_step_is_left_out_and_the_rest_is_done() -> None:
    order: list[str] = []
    done = carried_out(
        asset("broken", refuse),
        asset("after_broken", lambda: order.append("after_broken"), ("broken",)),
        asset("sound", lambda: order.append("sound")),
        asset("after_sound", lambda: order.append("after_sound"), ("sound",)),
    )
    assert not done.success
    assert [event.step_key for event in done.all_events if event.is_step_failure] == ["broken"]
    assert order == ["sound", "after_sound"]


@pytest.mark.parametrize("tries", [1, 2])
def test_a_step_may_ask_to_be_tried_again(tries: int) -> None:
    left = [tries]

    def shaky() -> None:
        if left[0]:
            left[0] -= 1
            raise dg.RetryRequested(max_retries=2)

    assert carried_out(asset("shaky", shaky)).success


def test_a_run_that_is_stopped_starts_no_further_step_and_has_failed() -> None:
    order: list[str] = []
    done = carried_out(
        asset("first", lambda: os.kill(os.getpid(), signal.SIGINT)),
        asset("second", lambda: order.append("second"), ("first",)),
    )
    assert not done.success
    assert order == []


def test_statements_of_a_run_that_is_stopped_are_broken_off(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "spill", CodeLibrary())
    broken_off: list[str] = []

    def endless() -> None:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        for _ in range(2):
            with suppress(QueryFailed), engine.connect() as connection:
                # Hours.
                connection.execute("SELECT max(sin(range)) FROM range(1000000000000)")
            broken_off.append("statement")

    assert not carried_out(asset("endless", endless), break_off=engine.interrupt).success
    assert broken_off == ["statement", "statement"]


def test_what_the_last_step_raises_reaches_a_caller_who_asked_for_it() -> None:
    with pytest.raises(ValueError, match="no"):
        carried_out(asset("broken", refuse), raise_on_error=True)
