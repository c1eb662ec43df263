"""A process that may be killed: walks an installation to its end, one fork for each attempt.

Run as a script, with `--dagster` to run turns through it. It imports everything once, then reads a job a line:
`{"home", "samples", "day"}`. For each it forks and prints the child's id; the child says `ready` when it is about to
begin, and at its end its exit code is printed (negative: the signal that killed it).
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from assets.platform import CHINA, Platform
from pipelines.intake import take_in_all
from pipelines.platform import build_platform
from pipelines.preparation import prepared
from pipelines.settings import Settings
from quality.agreement import agree, compared, table_name
from quality.findings import LAYER as FINDINGS
from quality.findings import verify
from quality.published import quality_tables
from quality.turn import update_tickets
from returns.effects import corrections, ticket_replies
from returns.ledger.store import Ledger
from returns.packages import build_packages
from returns.summary import build_summary
from schemas.codes import CodeLibrary
from warehouse.catalogue import contract_tables, extract_table, governance_tables
from warehouse.collect import desk
from warehouse.collect.extracts import extract
from warehouse.governance import derive, derived, fuse
from warehouse.publish import build, record_verdict, switch
from warehouse.standard import standardise

# Imports of seconds, once for all attempts.
DAGSTER = "--dagster" in sys.argv
if DAGSTER:
    import dagster as dg

    import quality.expectations  # noqa: F401
    from pipelines.instance import dagster_instance
    from pipelines.turn import run_turn

CODES = (
    "allowance_status", "area", "cancellation_reason", "disability_grade", "disability_type", "division",
    "ethnic_group", "marital_status", "plate_prefix", "relation", "sex",
)  # fmt: skip
DATASETS = ("police.population", "police.cancellation", "health.death")
DAYS = (date(2026, 3, 2), date(2026, 3, 3))


def surprised(message: str) -> None:
    """Nothing that a process leaves when it is killed may look like damage."""
    raise AssertionError(message)


class FewCodes(CodeLibrary):
    """The code tables that these datasets need: the others cost every attempt a third of a second."""

    def ids(self) -> tuple[str, ...]:
        return tuple(name for name in super().ids() if name in CODES)


def platform_in(home: Path) -> Platform:
    platform = build_platform(Settings(home, datasets=DATASETS, memory="1GiB"))
    codes = FewCodes()
    return replace(platform, codes=codes, engine=replace(platform.engine, codes=codes))


def walk(home: Path, samples: Path, day: date) -> None:
    """Deliveries, a turn, and the answers to its packages; what is done already is found done."""
    platform = platform_in(home)
    with platform.engine.connect():
        print("ready", flush=True)  # noqa: T201
    deliver(platform, samples, day)
    (dagster_turn if DAGSTER else turn)(platform, day)
    reply(platform, samples, day)


def dagster_turn(platform: Platform, day: date) -> None:
    """The turn as `zhenjie run` walks it."""
    instance = dagster_instance(platform.home)
    assert run_turn(platform, day, instance, quiet).done
    stuck = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    assert not stuck, "Dagster takes a dead run for running"


def quiet(line: str) -> None:
    if "损坏" in line:
        surprised(line)


def deliver(platform: Platform, samples: Path, day: date) -> None:
    files = sorted(path for path in (samples / day.isoformat()).iterdir() if path.is_file())
    at = datetime(day.year, day.month, day.day, 8, tzinfo=CHINA)
    desk.deliver(platform.home, platform.library, files, day, at)


def reply(platform: Platform, samples: Path, day: date) -> None:
    """What the townships answered to the packages of the day."""
    files = sorted((samples / "answered" / day.isoformat()).glob("*.xlsx"))
    at = datetime(day.year, day.month, day.day, 17, tzinfo=CHINA)
    for _ in take_in_all(platform, files, at):
        pass


def turn(platform: Platform, day: date) -> None:
    """Every stage in the order of the assets, without Dagster and with an acceptance that passes."""
    with prepared(platform, day, surprised), platform.engine.connect() as connection:
        lake, library, codes, home = platform.lake, platform.library, platform.codes, platform.home
        with Ledger.open(platform.ledger_url) as ledger:
            replies = ledger.replies(day.isoformat())
        confirmed = corrections(replies)
        for contract in library:
            extract(connection, home, lake, contract, day)
            standardise(connection, lake, contract, codes, day, confirmed)
        for contract in library:
            verify(connection, lake, contract, library, codes, day)
        for entity in library.fed_entities:
            if compared(library, entity):
                agree(connection, lake, entity, library, codes, day)
        update_tickets(connection, lake, library, day, ticket_replies(replies))
        for entity in library.fed_entities:
            tables = {c.id: (c.id, table_name(entity)) for c in library}
            faults = {
                dataset: [found for name in names if (found := lake.as_of(FINDINGS, name, day))]
                for dataset, names in tables.items()
            }
            fuse(connection, lake, library, entity, day, faults)
        for name in derived(library):
            derive(connection, lake, name, day)
        published = [
            *governance_tables(lake, library, day),
            *quality_tables(lake, library, codes, day, platform.published_batches),
            *contract_tables(library),
            extract_table(lake, library, day),
        ]
        if build(connection, home, day, published) is not None:
            record_verdict(home, passed=True)
        switch(home, day)
        build_packages(connection, home, lake, library, codes, day)
        build_summary(connection, home, lake, library, codes, day)


def attempt(job: dict[str, str]) -> int:
    """Walk in this process; 0 when the end is reached."""
    try:
        walk(Path(job["home"]), Path(job["samples"]), date.fromisoformat(job["day"]))
    except BaseException:  # noqa: BLE001  # told to the one who waits for the child
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = attempt(json.loads(line))
            sys.stderr.flush()
            os._exit(code)
        print(child, flush=True)  # noqa: T201
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
