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

RESIDENTS = 600


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--snapshot-update",
        action="store_true",
        help="write tests/pipelines/graph.txt anew from the definitions",
    )


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


def command(home: Path, *arguments: object, **environment: str) -> Said:
    """Run `zhenjie` in a process of its own: streams and exit code as a shell sees them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZHENJIE_")}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from pipelines.cli import main; main()",
            "--home",
            str(home),
            *map(str, arguments),
        ],
        capture_output=True,
        encoding="utf-8",
        env={**kept, "COLUMNS": "160", **environment},
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def zhenjie() -> Callable[..., Said]:
    return command


@pytest.fixture(scope="session")
def demonstration(shared_folder: Callable[[str, Callable[[Path], None]], Path]) -> Demonstration:
    """600 residents, two turns with answers between them, through Dagster and the acceptance gate."""

    def fill(folder: Path) -> None:
        said = command(folder / "home", "demo", "--residents", RESIDENTS)
        (folder / "said.json").write_text(json.dumps([said.code, said.out, said.err]), encoding="utf-8")

    folder = shared_folder("demonstration", fill)
    said = Said(*json.loads((folder / "said.json").read_text(encoding="utf-8")))
    assert said.code == 0, said.err
    return Demonstration(folder / "home", said)
