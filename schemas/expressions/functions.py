"""The allow-list of SQL functions that a rule, a derived column or a suggestion may call.

Reads the declarations in functions.yaml as frozen data. The warehouse implements the functions on each engine; a test
there holds that the engine offers exactly these functions, with these parameters and these values.
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

# DuckDB's names of types. Other engines translate them.
SqlType = Literal["VARCHAR", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "BOOLEAN"]

_NO_OTHER_KEYS = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_NO_OTHER_KEYS)
class Example:
    """A call in SQL and its value on every engine."""

    call: str
    value: str | bool | int | float | datetime.datetime | datetime.date | None


@dataclass(frozen=True, config=_NO_OTHER_KEYS)
class Function:
    """A function of the library.

    `parameters` is name → type in the order of the call. `title` is the Chinese description for departments,
    `description` the English one for engineers.
    """

    name: str
    parameters: Mapping[str, SqlType]
    returns: SqlType
    title: str
    description: str
    examples: tuple[Example, ...]

    @property
    def signature(self) -> str:
        """The signature for people, such as `age_at(birth DATE, day DATE) -> BIGINT`."""
        parameters = ", ".join(f"{name} {type_}" for name, type_ in self.parameters.items())
        return f"{self.name}({parameters}) -> {self.returns}"


@cache
def load_functions() -> Mapping[str, Function]:
    """Every function of the library by name, in the order of functions.yaml.

    Raises:
        pydantic.ValidationError: an entry of functions.yaml is not a Function. The message names the entry.
    """
    text = (files("schemas") / "functions.yaml").read_text(encoding="utf-8")
    named = {name: {"name": name, **facts} for name, facts in plain_yaml(text).items()}
    return MappingProxyType(TypeAdapter(dict[str, Function]).validate_python(named))
