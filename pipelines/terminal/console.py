"""Output of commands: progress to stderr, results to stdout, as a table for people or JSON for programs."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Sequence

import typer

from pipelines.terminal.codes import DONE, FAILED, SET_ASIDE, STOPPED, UNREAD, USAGE
from pipelines.terminal.rendering import KEPT, Screen, draw_table, json_shown
from warehouse.home.names import shown

__all__ = [
    "DONE", "FAILED", "SET_ASIDE", "STOPPED", "UNREAD", "USAGE",
    "as_json", "failed", "json_shown", "progress", "result", "table", "usage",
]  # fmt: skip


def progress(text: str) -> None:
    """Write a line of progress for a person."""
    typer.echo(shown(text, KEPT), err=True)


def result(text: str) -> None:
    """Write a line of the result."""
    typer.echo(shown(text, KEPT))


def as_json(value: object) -> None:
    """Write the result for a program. Control characters and invalid text become JSON escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    typer.echo("\n".join(map(json_shown, text.split("\n"))))


def table(titles: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Write the result as a table. Markup is not interpreted, control characters are escaped."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    draw_table(Screen(sys.stdout, width), titles, rows, title)


def usage(text: str) -> typer.Exit:
    """Report a wrong call on stderr; exit 2."""
    progress(text)
    return typer.Exit(USAGE)


def failed(text: str) -> typer.Exit:
    """Report a failure on stderr; exit 3."""
    progress(text)
    return typer.Exit(FAILED)
