"""Render results: a table for people, a line of JSON for programs. Control characters are escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from warehouse.home.names import is_hidden, is_plain, shown

# Not escaped: these characters of our own separate lines and columns.
KEPT = "\n\t"

# The width of a table in a file or a pipe.
WIDTH = 160
# A column up to the first width is never folded. A wider one is folded, but not below the second width.
_WHOLE, _LEAST = 24, 16


@dataclass(frozen=True)
class Screen:
    """The target of a table.

    Attributes:
        file: takes the text.
        width: columns of the terminal; None for a file or a pipe, which have `WIDTH`.
    """

    file: IO[str]
    width: int | None


def json_shown(text: str) -> str:
    """A line of JSON in which control characters are JSON escapes."""
    if is_plain(text):
        return text
    return "".join(json.dumps(c)[1:-1] if c not in "\n\r\t" and is_hidden(c) else c for c in text)


def draw_table(
    screen: Screen, titles: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None
) -> None:
    """Draw a table. Markup is not interpreted, control characters are escaped.

    Codes, numbers and short texts are never broken; long texts are folded. If the table does not fit, each row becomes
    a list with one line for each cell.
    """
    names = [shown(name) for name in titles]
    cells = [["" if value is None else shown(str(value), KEPT) for value in row] for row in rows]
    console = Console(
        file=screen.file,
        width=screen.width or WIDTH,
        force_terminal=screen.width is not None,
        highlight=False,
    )
    natural = [max(map(_width, column)) for column in zip(names, *cells, strict=True)]
    whole = [width <= _WHOLE for width in natural]
    # A column is three places wider than its text: a line, and a space on either side.
    left = console.width - 1 - sum(3 + width * kept for width, kept in zip(natural, whole, strict=True))
    if left < _LEAST * whole.count(False):
        _as_lists(console, names, cells, title)
        return
    view = Table(title=title, title_justify="left", header_style="bold")
    for name, kept in zip(names, whole, strict=True):
        view.add_column(Text(name), overflow="fold", no_wrap=kept)
    for row in cells:
        view.add_row(*map(Text, row))
    console.print(view)


def _width(cell: str) -> int:
    return max(map(cell_len, cell.split("\n")))


def _as_lists(console: Console, names: list[str], cells: list[list[str]], title: str | None) -> None:
    """Each row as lines of name and value. Cells without a value are left out."""
    if title:
        console.print(Text(title))
    room = max(map(cell_len, names), default=0)
    for row in cells:
        console.rule(style="")
        for name, cell in zip(names, row, strict=True):
            if cell:
                lines = Table.grid(padding=(0, 2))
                lines.add_column(width=room, no_wrap=True)
                lines.add_column(overflow="fold")
                lines.add_row(Text(name, style="bold"), Text(cell))
                console.print(lines)
