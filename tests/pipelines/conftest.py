"""The command line as a person calls it, a demonstration run once, and the snapshot of the graph."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import pipelines.platform
from pipelines.cli import app
from schemas.contract.library import Library
from warehouse.engine.connection import Engine

WATCHED, IMPORTED = Path(__file__).with_name("watched.py"), "imported-by-steps.txt"
RESIDENTS = 600
# Every form of delivery and three entities; a turn of all datasets takes three times as long.
DATASETS = (
    "police.population", "police.cancellation", "civil_affairs.marriage", "health.death",
    "disabled_persons.certificate", "market_regulation.enterprise", "housing.dwelling",
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Demonstration:
    """A home in which `zhenjie demo` has run, and what it said; to be read only."""

    home: Path
    said: Said
    imported_by_steps: tuple[str, ...] = ()
    datasets: tuple[str, ...] = DATASETS


def in_a_process(home: Path, *arguments: object, watch: Path | None = None) -> Said:
    """Run `zhenjie` in a process of its own: streams and exit code as a shell sees them.

    With `watch` the process writes into that file what its step threads import, see `watched.py`.
    """
    program = [str(WATCHED), str(watch)] if watch else ["-m", "pipelines.cli"]
    done = subprocess.run(
        [sys.executable, *program, "--home", str(home), *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("ZHENJIE_")},
            "ZHENJIE_DATASETS": ",".join(DATASETS),
        },
        check=False,
        # As on a machine whose accounts share everything: what the platform creates is its owner's all the same.
        umask=0,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def here(home: Path, *arguments: object, **environment: str) -> Said:
    """Run `zhenjie` in this process, which has imported everything already."""
    result = CliRunner().invoke(
        app,
        ["--home", str(home), *map(str, arguments)],
        env={"ZHENJIE_DATASETS": ",".join(DATASETS), "ZHENJIE_THREADS": "1", **environment},
        catch_exceptions=False,
    )
    return Said(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="session")
def zhenjie(engine: Engine, library: Library) -> Callable[..., Said]:
    """The command line, called as `zhenjie(home, verb, ...)`.

    Commands share the engine of the tests and what it was made of; one that is called with a key, or with contracts,
    has its own.
    """

    def called(home: Path, *arguments: object, **environment: str) -> Said:
        if {"ZHENJIE_KEY", "ZHENJIE_CONTRACTS"} & environment.keys():
            return here(home, *arguments, **environment)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pipelines.platform, "Engine", lambda *_: engine)
            patch.setattr(pipelines.platform, "load_library", lambda _: library)
            patch.setattr(pipelines.platform, "code_library", lambda _: engine.codes)
            return here(home, *arguments, **environment)

    return called


@pytest.fixture(scope="session")
def process() -> Callable[..., Said]:
    """The same in a process of its own, seconds slower."""
    return in_a_process


@pytest.fixture(scope="session")
def demonstration(shared_folder: Callable[[str, Callable[[Path], None]], Path]) -> Demonstration:
    """600 residents, two turns with answers between them, through Dagster and the acceptance gate."""

    def fill(folder: Path) -> None:
        said = in_a_process(folder / "home", "demo", "--residents", RESIDENTS, watch=folder / IMPORTED)
        (folder / "said.json").write_text(json.dumps([said.code, said.out, said.err]), encoding="utf-8")

    folder = shared_folder("demonstration", fill)
    said = Said(*json.loads((folder / "said.json").read_text(encoding="utf-8")))
    assert said.code == 0, said.err
    imported = (folder / IMPORTED).read_text(encoding="utf-8").split()
    return Demonstration(folder / "home", said, tuple(imported))
