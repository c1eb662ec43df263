"""Contracts as the data dictionary (数据字典): one self-contained HTML page that a department can read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from schemas.contract.model import (
    CLASSIFICATIONS,
    DIMENSIONS,
    Column,
    Contract,
    LogicalType,
    Severity,
)
from schemas.formats import load_formats
from schemas.kinds import load_kinds

TYPE_TITLES: Mapping[LogicalType, str] = {
    "string": "文本",
    "integer": "整数",
    "number": "数字",
    "date": "日期",
    "timestamp": "时间",
    "boolean": "是否",
}
SEVERITY_TITLES: Mapping[Severity, str] = {"error": "错误", "warning": "提醒"}


def dictionary_page(contracts: Iterable[Contract]) -> str:
    """The page: each dataset with its delivery, its columns and its declared rules.

    Args:
        contracts: contracts without problems.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = files("schemas") / "emit" / "templates" / "dictionary.html"
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        contracts=list(contracts),
        kinds=load_kinds(),
        types=TYPE_TITLES,
        formats=load_formats(),
        severities=SEVERITY_TITLES,
        classifications=CLASSIFICATIONS,
        dimensions=DIMENSIONS,
        limits=_limits,
    )


def _limits(column: Column) -> list[str]:
    """The limits of a value, in words."""
    limits = []
    if column.minimum is not None or column.maximum is not None:
        limits.append(f"{column.minimum or '…'} 至 {column.maximum or '…'}")
    if column.max_length is not None:
        limits.append(f"不超过 {column.max_length} 个字")
    if column.pattern is not None:
        limits.append(f"格式 {column.pattern}")
    if column.unique:
        limits.append("不得重复")
    if column.references is not None:
        limits.append(f"应在 {column.references} 中")
    return limits
