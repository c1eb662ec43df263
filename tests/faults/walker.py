"""A process that may be killed: walks an installation to its end, a fork for each attempt.

Run as a script, with `--dagster` to run turns through it. It imports everything once and starts no thread, then reads
jobs, one a line, as `conftest.Walker` writes them: where, which day, and what is to go wrong. A child says `ready` when
it is about to begin, and after a failure what an operator would be told; when all of a job have ended, their exit codes
are told (negative: the signal that killed one).
"""

from __future__ import annotations

import base64
import ctypes
import gc
import json
import multiprocessing
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# What libraries import when they are first used: once here, and not in every child.
import pandas  # noqa: F401
import pyarrow as pa
import pyarrow.dataset
import sqlalchemy.orm  # noqa: F401
import sqlglot.dialects.duckdb  # noqa: F401

import assets.tasks as tasks
import pipelines.platform
from assets.platform import CHINA, Platform
from pipelines.intake import enter_delivered, take_in_all
from pipelines.run.preflight import prepared
from pipelines.settings import Settings
from pipelines.terminal.failures import explained
from returns.ledger.deliveries import UNKNOWN
from returns.packages.sheet_spec import sheet_standard
from returns.packages.sheet_views import turn_of
from schemas.codes import COLUMNS, CodeLibrary
from schemas.expressions.functions import load_functions
from schemas.tables import load_tables
from tests.loop import NO_GATE
from warehouse.collect.intake import reception
from warehouse.engine.connection import Engine
from warehouse.home.encryption import Key, Keys
from warehouse.incremental.context import BatchContext

# Imports of seconds.
DAGSTER = "--dagster" in sys.argv
if DAGSTER:
    import dagster as dg

    import quality.acceptance.gate  # noqa: F401
    from pipelines.run.instance import dagster_instance
    from pipelines.run.turn import run_turn

CODES = (
    "allowance_status", "area", "cancellation_reason", "disability_grade", "disability_type", "division",
    "ethnic_group", "marital_status", "plate_prefix", "relation", "sex",
)  # fmt: skip
DATASETS = ("police.population", "health.death")
NEXT_TO_NOTHING = 100
# Undisturbed and disturbed installations make the same packages, byte for byte.
SIGNING_KEY = base64.b64encode(b"signing key of the test suite...").decode()
SIGNING = Keys(Key(SIGNING_KEY))
# What lets root pass over permissions, as capabilities(7) numbers it.
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAPABILITIES_3 = 1, 2, 0x20080522


class FewCodes(CodeLibrary):
    """The code tables that these datasets need: the others cost every attempt a third of a second."""

    def ids(self) -> tuple[str, ...]:
        return tuple(name for name in super().ids() if name in CODES)


class ArrowCodes(FewCodes):
    """The same for the engine, read in a child: Polars would not work in later ones after it was used here."""

    def __init__(self) -> None:
        super().__init__()
        with multiprocessing.get_context("fork").Pool(1) as pool:
            self._read, self.digest = pool.apply(read_codes)

    def load(self, id_: str) -> Any:
        rows, labelled, spellings = self._read[id_]
        text = pa.schema([(name, pa.string()) for name in COLUMNS])
        return SimpleNamespace(
            rows=pa.Table.from_pylist(rows, text),
            is_labelled=labelled,
            spellings=spellings,
        )


def read_codes() -> tuple[dict[str, tuple[list[dict[str, Any]], bool, dict[str, str]]], str]:
    """What the engine asks of each code table, in plain values, and the digest of all."""
    few = FewCodes()
    tables = {id_: few.load(id_) for id_ in few.ids()}
    asked = {
        id_: (table.rows.to_dicts(), table.is_labelled, dict(table.spellings))
        for id_, table in tables.items()
    }
    return asked, few.digest


def prepare(base: Path) -> Engine:
    """Read what is the same for every attempt, and have it found by `build_platform`.

    Returns:
        An engine for installations below `base`. With one thread it has none of its own, and outlives a fork.
    """
    few, codes = FewCodes(), ArrowCodes()
    few.digest = codes.digest
    pipelines.platform.load_library = cache(pipelines.platform.load_library)
    pipelines.platform.code_library = lambda _: few
    pipelines.platform.load_library(())
    load_functions()
    load_tables()
    pipelines.platform.load_sheets = cache(pipelines.platform.load_sheets)
    pipelines.platform.load_sheets(())
    sheet_standard("tickets")
    engine = Engine(base / "spill", codes, memory_limit="1GiB", threads=1, folders=(base,))
    with engine.connect():
        return engine


def walk(engine: Engine, job: dict[str, Any]) -> None:
    """Deliveries, a turn, and the answers to its packages; what is done already is found done."""
    home, samples, day = Path(job["home"]), Path(job["samples"]), date.fromisoformat(job["day"])
    if not (home / "signing.key").exists():
        # The command line finds the same key in the home.
        home.mkdir(parents=True, exist_ok=True)
        (home / "signing.key").write_text(SIGNING_KEY, encoding="ascii")
        (home / "signing.key").chmod(0o600)
    platform = pipelines.platform.build_platform(Settings(home, datasets=DATASETS, signing=SIGNING))
    platform = replace(platform, engine=engine, ledger_url=job.get("ledger", platform.ledger_url))
    tell({"ready": os.getpid()})
    go_wrong(job)
    deliver(platform, samples, day, timedelta(days=job.get("clock", 0)))
    (dagster_turn if DAGSTER else turn)(platform, day)
    reply(platform, samples, day)


def go_wrong(job: dict[str, Any]) -> None:
    """Take from this process what the job says."""
    if "dies_at" in job:
        replace_stage(job["dies_at"], lambda _: lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    if "full_at" in job:
        replace_stage(job["full_at"], on_a_full_disk)
    if "loses" in job:
        replace_stage(job["loses_at"], lambda stage: without_database(stage, Path(job["loses"])))
    if job.get("unprivileged"):
        lose_privileges()
    if job.get("damaged"):
        globals()["no_damage"] = len


def replace_stage(name: str, wrong: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put something else in the place of a function that a task calls, or that this walk calls itself."""
    place = vars(tasks) if name in vars(tasks) else globals()
    place[name] = wrong(place[name])


def on_a_full_disk(stage: Callable[..., Any]) -> Callable[..., Any]:
    """The stage, from whose beginning on no file may grow beyond what is next to nothing."""

    def full(*arguments: Any) -> Any:
        resource.setrlimit(resource.RLIMIT_FSIZE, (NEXT_TO_NOTHING, NEXT_TO_NOTHING))
        return stage(*arguments)

    return full


def without_database(stage: Callable[..., Any], server: Path) -> Callable[..., Any]:
    """The stage, at whose beginning the database server that works in a folder ends without a word to anybody."""

    def lost(*arguments: Any) -> Any:
        running = server / "postmaster.pid"
        if running.exists():
            os.kill(int(running.read_text().split()[0]), signal.SIGQUIT)
        # It goes as the last thing of a server that ends.
        while running.exists():
            time.sleep(0.01)
        return stage(*arguments)

    return lost


def lose_privileges() -> None:
    """Have permissions hold for this process, should it be root's."""
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_3, 0)
    held = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capget(header, held) == 0:
        held[0] &= ~(1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH)
        libc.capset(header, held)


def dagster_turn(platform: Platform, day: date) -> None:
    """The turn as `zhenjie run` walks it."""
    instance = dagster_instance(platform.home)
    done = run_turn(platform, day, instance, no_damage)
    assert done.done, done.failed
    stuck = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    assert not stuck, "Dagster takes a dead run for running"


def no_damage(line: str) -> None:
    """Nothing that a process leaves when it is killed may look like damage."""
    assert "损坏" not in line, line


def deliver(platform: Platform, samples: Path, day: date, clock: timedelta) -> None:
    files = sorted(path for path in (samples / day.isoformat()).iterdir() if path.is_file())
    at = datetime(day.year, day.month, day.day, 8, tzinfo=CHINA) + clock
    reception.deliver(platform.home, platform.library, files, day, at)
    enter_delivered(platform, day, UNKNOWN, not_entered)


def not_entered(line: str) -> None:
    """A delivery that is kept is entered, too, while nothing is wrong with the ledger."""
    raise AssertionError(line)


def reply(platform: Platform, samples: Path, day: date) -> None:
    """What the townships answered to the packages of the day."""
    files = sorted((samples / "answered" / day.isoformat()).glob("*.xlsx"))
    at = datetime(day.year, day.month, day.day, 17, tzinfo=CHINA)
    for _ in take_in_all(platform, files, "officer", at):
        pass


def turn(platform: Platform, day: date) -> None:
    """Every task, without Dagster and with an acceptance that passes."""
    let_it = {
        **NO_GATE,
        tasks.SUMMARY: summary,
        tasks.STANDARD_DATABASE: lambda *_: None,
    }
    with prepared(platform, day, no_damage), platform.open_batch(day) as opened:
        tasks.run_tasks(platform, opened, instead=let_it)


def summary(platform: Platform, opened: BatchContext) -> None:
    """The page without warnings: the checks import for seconds what nothing else here needs."""
    tasks.build_summary(opened.connection, platform.home, turn_of(opened), ())


def attempt(engine: Engine, job: dict[str, Any]) -> int:
    """Walk in this process; 0 when the end is reached."""
    try:
        walk(engine, job)
    except BaseException as error:  # noqa: BLE001  # told to the one who waits for the child
        tell({"failed": type(error).__name__, "told": explained(type(error).__name__, str(error))})
        if not {"full_at", "unprivileged", "at_once"} & job.keys():
            traceback.print_exc()
        return 1
    return 0


def tell(fact: dict[str, Any]) -> None:
    """A line to the one who gave the job, in one piece though others may be telling."""
    os.write(1, (json.dumps(fact) + "\n").encode())


def main() -> None:
    engine = prepare(Path(sys.argv[1]))
    # No child looks through all of this for garbage.
    gc.freeze()
    for line in sys.stdin:
        job, children = json.loads(line), []
        for _ in range(job.get("at_once", 1)):
            children.append(os.fork())
            if children[-1] == 0:
                code = attempt(engine, job)
                sys.stderr.flush()
                os._exit(code)
        tell({"ended": [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]})


if __name__ == "__main__":
    main()
