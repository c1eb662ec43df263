"""`python -m tests.fuzz --mutants 2000`: many mutants, each in a process that may die, and what became of them."""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from tests.fuzz.judge import judge
from tests.fuzz.mutate import mutant
from tests.fuzz.specimens import Specimen, specimens

# Seconds and bytes that a mutant may take.
TIME, MEMORY = 20, 6 << 30
GOOD = ("read", "refused")
OUTCOMES = (*GOOD, "fault", "slow", "died")


def main() -> int:
    """Run mutants over the formats in turn; exit 1 if one of them did harm."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mutants", type=int, default=2000)
    arguments.add_argument("--first", type=int, default=0, help="the number of the first mutant")
    arguments.add_argument("--kind", help="only this format")
    asked = arguments.parse_args()
    with TemporaryDirectory() as folder:
        found = [each for each in specimens(Path(folder)) if asked.kind in (None, each.kind)]
        numbers = range(asked.first, asked.first + asked.mutants)
        counts: Counter[tuple[str, str]] = Counter()
        slowest = 0.0
        for number, outcome, detail, seconds in _run(found, numbers, Path(folder)):
            specimen = chosen(found, number)
            counts[specimen.kind, outcome] += 1
            slowest = max(slowest, seconds)
            if outcome not in GOOD:
                sys.stdout.write(f"{outcome}: mutant {number} of {specimen.name}: {detail}\n")
    _print(counts, slowest)
    return int(any(outcome not in GOOD for _, outcome in counts))


def chosen(found: list[Specimen], number: int) -> Specimen:
    """The specimen of a mutant: the formats take turns, and in each its files."""
    kinds = sorted({each.kind for each in found})
    own = [each for each in found if each.kind == kinds[number % len(kinds)]]
    return own[number // len(kinds) % len(own)]


def _run(found: list[Specimen], numbers: range, folder: Path) -> Iterator[tuple[int, str, str, float]]:
    """Each mutant's number, outcome, what is wrong, and seconds. A process that ends or hangs is replaced."""
    spawn = multiprocessing.get_context("spawn")
    number = numbers.start
    while number < numbers.stop:
        mine, theirs = spawn.Pipe()
        worker = spawn.Process(target=_work, args=(theirs, found, range(number, numbers.stop), folder))
        worker.start()
        theirs.close()
        started = False
        while number < numbers.stop:
            try:
                if not mine.poll(TIME if started else 120):
                    worker.kill()
                    yield number, "slow", f"more than {TIME} s", TIME
                    break
                outcome, detail, seconds = mine.recv()
            except EOFError:
                worker.join()
                yield number, "died", f"exit {worker.exitcode}", 0.0
                break
            started = True
            yield number, outcome, detail, seconds
            number += 1
        else:
            worker.join()
            return
        worker.join()
        number += 1


def _work(answers: Connection, found: list[Specimen], numbers: range, folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with duckdb.connect(config={"threads": 1}) as connection:
        for number in numbers:
            specimen = chosen(found, number)
            content = mutant(specimen.kind, specimen.content, number)
            start = time.perf_counter()
            outcome, detail = "", ""
            with TemporaryDirectory(dir=folder) as scratch:
                try:
                    outcome = judge(specimen, content, connection, Path(scratch))
                except BaseException as error:  # noqa: BLE001  that none gets out is what is shown
                    outcome, detail = "fault", f"{type(error).__name__}: {error}"[:300]
            answers.send((outcome, detail, time.perf_counter() - start))


def _print(counts: Counter[tuple[str, str]], slowest: float) -> None:
    kinds = sorted({kind for kind, _ in counts})
    lines = [f"{'':8}" + "".join(f"{outcome:>9}" for outcome in OUTCOMES)]
    lines += [f"{kind:8}" + "".join(f"{counts[kind, outcome]:9,}" for outcome in OUTCOMES) for kind in kinds]
    sys.stdout.write("\n".join(lines) + f"\n{sum(counts.values()):,} mutants, the slowest {slowest:.1f} s\n")
