"""Values that stand in no cell of the table, but in the name of the file or in a title above the headings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from warehouse.collect.readers.headings.heading_blocks import Cells
from warehouse.collect.readers.layout import Given, Layout, LayoutColumn, unreadable


def given_values(path: Path, layout: Layout, above: Sequence[Cells] = ()) -> tuple[Given, ...]:
    """Find the value of each column that comes from the file's name or from a title.

    Args:
        path: the file.
        layout: the columns and their patterns.
        above: the rows above the headings.

    Raises:
        UnreadableFile: the value of a required column is missing.
    """
    name = layout.file_name or path.name
    found = []
    for column in layout.columns:
        if column.from_file_name is not None:
            value = _value(column.from_file_name, [name])
            found.append(_given(path, column, value, f"文件名“{name}”", "按约定的文件名重新交付"))
        elif column.from_title is not None and layout.has_titles:
            value = _value(column.from_title, [cell for cells in above for cell in cells if cell])
            found.append(_given(path, column, value, "表头上方的标题", "补上标题后重新交付"))
    return tuple(found)


def _value(pattern: str, texts: Sequence[str]) -> str | None:
    """The pattern's group in the first text that matches; the whole match if the pattern has no group."""
    for text in texts:
        match = re.search(pattern, text)
        if match is not None:
            return match[1] if match.re.groups else match[0]
    return None


def _given(path: Path, column: LayoutColumn, value: str | None, where: str, remedy: str) -> Given:
    if value is None and column.required:
        raise unreadable(path, f"{where}里找不到“{column.titles[0]}”", remedy)
    remark = f"{where}里找不到“{column.titles[0]}”，这一列按空值读取"
    return Given(column.name, value, "" if value is not None else remark)
