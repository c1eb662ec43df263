"""What a command says: progress to stderr, results to stdout, as a table for people or JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

DONE, SET_ASIDE, USAGE, FAILED = 0, 1, 2, 3

# Columns of a table that goes into a file or a pipe.
WIDTH = 160


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
    """The result as a table; wide ones are folded rather than cut, and nothing in them is read as markup."""
    view = Table(title=title, title_justify="left", header_style="bold")
    for name in titles:
        view.add_column(Text(name), overflow="fold")
    for row in rows:
        view.add_row(*(Text("" if value is None else str(value)) for value in row))
    width = None if sys.stdout.isatty() else WIDTH
    Console(file=sys.stdout, width=width, highlight=False).print(view)


def usage(text: str) -> typer.Exit:
    """A wrong call: said on stderr, exit 2."""
    progress(text)
    return typer.Exit(USAGE)


def failed(text: str) -> typer.Exit:
    """Something broke: said on stderr, exit 3."""
    progress(text)
    return typer.Exit(FAILED)
