"""The allow-list of SQL functions: what a rule, a derived column or a suggestion may call.

Here: the declaration in functions.yaml as frozen data. What a function does on an engine is the warehouse's
business; a test there holds that the engine offers exactly these, with these parameters and these values.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from schemas.document import plain_yaml

# DuckDB's names; an engine that calls a type otherwise translates.
SqlType = Literal["VARCHAR", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "BOOLEAN"]

_NO_OTHER_KEYS = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_NO_OTHER_KEYS)
class Example:
    """A call in SQL and the value it must give on every engine."""

    call: str
    value: str | bool | int | float | datetime.datetime | datetime.date | None


@dataclass(frozen=True, config=_NO_OTHER_KEYS)
class Function:
    """A function of the library.

    `parameters` is name → type in the order of the call. `title` is the line that people of a department
    read, in Chinese; `description` the same for engineers.
    """

    name: str
    parameters: Mapping[str, SqlType]
    returns: SqlType
    title: str
    description: str
    examples: tuple[Example, ...]

    @property
    def signature(self) -> str:
        """The function as people write it: `age_at(birth DATE, day DATE) -> BIGINT`."""
        parameters = ", ".join(f"{name} {type_}" for name, type_ in self.parameters.items())
        return f"{self.name}({parameters}) -> {self.returns}"


@cache
def load_functions() -> Mapping[str, Function]:
    """Every function of the library by name, in the order of functions.yaml.

    Raises:
        pydantic.ValidationError: an entry of functions.yaml is not a Function; names it.
    """
    text = (files("schemas") / "functions.yaml").read_text(encoding="utf-8")
    named = {name: {"name": name, **facts} for name, facts in plain_yaml(text).items()}
    return MappingProxyType(TypeAdapter(dict[str, Function]).validate_python(named))
