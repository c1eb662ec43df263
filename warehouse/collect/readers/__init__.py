"""Readers of delivered files: what a caller needs, in one place."""

from warehouse.collect.readers.layout import (
    FoundColumn,
    Layout,
    LayoutColumn,
    Note,
    Reading,
    Recognition,
    SetAside,
    UnreadableFile,
)
from warehouse.collect.readers.registry import read, recognise

__all__ = [
    "FoundColumn",
    "Layout",
    "LayoutColumn",
    "Note",
    "Reading",
    "Recognition",
    "SetAside",
    "UnreadableFile",
    "read",
    "recognise",
]
