"""Lazy imports of steps, done in the main thread while no step runs.

Python 3.11 locks each module by itself. Suppose that two threads enter a package through different modules, and these
modules import each other. To avoid a deadlock, Python gives one thread a half-loaded module: "partially initialized
module". So step threads import only modules that are loaded already; tests/pipelines/run/test_step_imports.py holds it.
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
    """The modules that are imported for steps. Without a platform: only those that every run needs."""

    platform: Platform | None = None

    def before_steps(self) -> None:
        """Import the modules that any step may need. Call it before a step has started."""
        import_all(BEFORE_STEPS)
        if self.platform is not None:
            _import_driver(self.platform.ledger_url)

    def of_step(self, key: str) -> Sequence[str]:
        """The further modules that this step needs and that are not loaded yet.

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
    """Connect to the ledger's database once: its driver imports modules when it is loaded and when it first connects.

    Errors of the URL or the database are ignored here: the steps report them better. Dagster itself has loaded
    SQLite's driver.
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
