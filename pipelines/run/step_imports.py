"""Modules that steps import when they first need them: imported in the main thread, while no step runs.

Python 3.11 locks each module by itself. When two threads enter a package whose modules import each other, each
through another module, the one that would wait for ever gets a module that is only half there: "partially initialized
module". So step threads import nothing but what is there already; tests/pipelines/test_step_imports.py watches them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module

from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from assets.platform import Platform
from assets.publication import acceptance_imports

# DuckDB, PyArrow, NumPy and pandera import these when a frame, a file or a schema is first used.
BEFORE_STEPS = (
    "numpy.char",
    "numpy.strings",
    "pandas",
    "pyarrow.dataset",
    "schemas.emit.pandera",
    "pandera.backends.polars.builtin_checks",
    "pandera.backends.polars.checks",
    "pandera.backends.polars.components",
    "pandera.backends.polars.container",
)


@dataclass(frozen=True)
class StepImports:
    """Which modules are imported for steps; without a platform only those that every run needs."""

    platform: Platform | None = None

    def before_steps(self) -> None:
        """Import what any step may need. The caller has started no step."""
        import_all(BEFORE_STEPS)
        if self.platform is not None:
            _import_driver(self.platform.ledger_url)

    def of_step(self, key: str) -> Sequence[str]:
        """The modules that this step needs beyond those and that nobody has imported.

        Args:
            key: the key of a step that is about to start.
        """
        needed = acceptance_imports(key, self.platform.home) if self.platform is not None else ()
        return [name for name in needed if name not in sys.modules]


def import_all(names: Iterable[str]) -> None:
    """Import modules by their dotted names."""
    for name in names:
        import_module(name)


def _import_driver(url: str) -> None:
    """Reach the ledger's database once: its driver imports its parts when it is loaded and when it first connects.

    What is wrong with the URL or the database is left to the steps, which say it better. SQLite's driver is in
    Dagster's own use.
    """
    with suppress(SQLAlchemyError, ModuleNotFoundError):
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return
        engine = create_engine(parsed, hide_parameters=True)
        try:
            engine.connect().close()
        finally:
            engine.dispose()
