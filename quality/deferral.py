"""Modules that a library imports with itself and that we never use: not read before somebody uses them.

Only for what takes long to import. What stands in for such a module gives whatever is asked of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _Deferred(ModuleType):
    """Stands in for a module that is imported when something is asked of it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)

    def __getattr__(self, name: str) -> Any:
        # The import system asks what a module is; that is no use of it.
        if name.startswith("__"):
            raise AttributeError(name)
        _clear(self)
        return getattr(import_module(self.__name__), name)


@contextmanager
def deferred(*names: str) -> Iterator[None]:
    """Import within, with these modules left unread; whoever imports one afterwards reads it.

    Args:
        names: of modules, dotted. One that has been imported already is left alone.
    """
    standing_in = [_Deferred(name) for name in names if name not in sys.modules]
    sys.modules.update({module.__name__: module for module in standing_in})
    try:
        yield
    finally:
        for module in standing_in:
            _clear(module)


def _clear(module: ModuleType) -> None:
    """Take a stand-in out of the import system's sight."""
    if sys.modules.get(module.__name__) is module:
        del sys.modules[module.__name__]
