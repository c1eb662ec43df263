"""What a command says: progress to stderr, results to stdout, as a table for people or JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

import typer
from rich.console import Console
from rich.table import Table

DONE, SET_ASIDE, USAGE, FAILED = 0, 1, 2, 3


def progress(text: str) -> None:
    """Tell a person what is going on."""
    typer.echo(text, err=True)


def result(text: str) -> None:
    """A line of the result."""
    typer.echo(text)


def as_json(value: object) -> None:
    """The result for a program."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def table(titles: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """The result as a table; wide ones are folded rather than cut."""
    view = Table(title=title, title_justify="left", header_style="bold")
    for name in titles:
        view.add_column(name, overflow="fold")
    for row in rows:
        view.add_row(*("" if value is None else str(value) for value in row))
    width = None if sys.stdout.isatty() else 160
    Console(file=sys.stdout, width=width, highlight=False).print(view)


def usage(text: str) -> typer.Exit:
    """A wrong call: said on stderr, exit 2."""
    typer.echo(text, err=True)
    return typer.Exit(USAGE)
