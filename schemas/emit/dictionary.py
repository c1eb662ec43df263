"""Contracts as the data dictionary (数据字典): one self-contained HTML page that a department can read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from schemas.contract import CLASSIFICATIONS, DIMENSIONS, Contract

TYPE_TITLES = {
    "string": "文本",
    "integer": "整数",
    "number": "数字",
    "date": "日期",
    "timestamp": "时间",
    "boolean": "是否",
}


def dictionary_page(contracts: Iterable[Contract]) -> str:
    """The page: each dataset with its delivery, its columns and its declared rules."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("dictionary.html").render(
        contracts=list(contracts),
        types=TYPE_TITLES,
        classifications=CLASSIFICATIONS,
        dimensions=DIMENSIONS,
    )
