"""A process that runs a command of `zhenjie` in a fork, as often as it is asked: Python's start is paid for once.

It reads jobs, one a line: `arguments`, `environment`, `output` (a file for what is said), and `largest`, the size in
bytes beyond which no file may grow. It answers with the fork's number, and then with its exit code (negative: the
signal that killed it).
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import traceback
from pathlib import Path

# What libraries import when they are first used: once here, and not in every fork.
import pandas  # noqa: F401
import pyarrow.dataset  # noqa: F401
import sqlalchemy.orm  # noqa: F401
import sqlglot.dialects.duckdb  # noqa: F401

from pipelines.cli import main


def command(job: dict[str, object]) -> int:
    """The exit code of a command that this process becomes."""
    with Path(str(job["output"])).open("wb") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    environment = job["environment"]
    assert isinstance(environment, dict)
    os.environ.update(environment)
    if largest := job.get("largest"):
        assert isinstance(largest, int)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    arguments = job["arguments"]
    assert isinstance(arguments, list)
    sys.argv = ["zhenjie", *arguments]
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001  # the one who asked reads what is said
        traceback.print_exc()
        return 70
    return 0


def tell(fact: int) -> None:
    """A line to the one who gave the job."""
    os.write(ANSWERS, f"{fact}\n".encode())


if __name__ == "__main__":
    ANSWERS = os.dup(1)
    os.set_inheritable(ANSWERS, False)
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = command(json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        tell(child)
        tell(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
