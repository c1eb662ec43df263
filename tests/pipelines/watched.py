"""The command line with a watch on its step threads.

`python tests/pipelines/watched.py FILE ARGUMENT...` runs `zhenjie ARGUMENT...` and writes to FILE, one a line, the
modules that step threads began to import. Modules of the standard library are left out: none of them imports another
in a circle. So are modules that do not exist: a library looked whether an optional one is installed.
"""

from __future__ import annotations

import atexit
import importlib.util
import sys
import threading
from pathlib import Path


class Watch:
    """A finder that finds nothing: Python asks it for each module that is not imported yet."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if threading.current_thread().name.startswith("step"):
            self.names.append(name)

    def write(self, file: Path) -> None:
        foreign = [name for name in self.names if name.partition(".")[0] not in sys.stdlib_module_names]
        found = sorted({name for name in foreign if not name.startswith("encodings") and exists(name)})
        file.write_text("".join(f"{name}\n" for name in found), encoding="utf-8")


def exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # its package cannot be imported, or stands for something else
        return name.rpartition(".")[0] in sys.modules


if __name__ == "__main__":
    watch = Watch()
    atexit.register(watch.write, Path(sys.argv.pop(1)))
    sys.meta_path.insert(0, watch)

    from pipelines.cli import main

    main()
