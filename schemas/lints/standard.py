"""Checks against the Open Data Contract Standard, by its own JSON Schema, with short messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs
from jsonschema import Draft201909Validator
from jsonschema.exceptions import ValidationError

from schemas.lints.problem import Page, Problem

_UNKNOWN_KEY = frozenset({"additionalProperties", "unevaluatedProperties"})
# Keys for which we take fewer values than the standard: our own checks report them.
_STRICTER = frozenset({"logicalType", "logicalTypeOptions", "relationships", "dimension"})
_TYPES = {
    "string": "text, in quotes if it looks like a number",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "a mapping",
}
_SHOWN = 8


def problems(page: Page) -> Iterator[Problem]:
    """The places where the contract breaks the standard."""
    if _conforms(_Content(page.document.digest, page.document.data)):
        return
    errors = [error for error in _validator().iter_errors(page.document.data) if not _ours(page, error)]
    for error in errors:
        if not any(_is_echo(error, other) for other in errors):
            yield _told(page, error)


@dataclass(frozen=True)
class _Content:
    """The content of a file, identified by its digest."""

    digest: str
    data: Mapping[str, Any] = field(compare=False)


@cache
def _conforms(content: _Content) -> bool:
    """Whether a file keeps to the standard. The slower validator finds the places of problems."""
    try:
        return bool(_judge().is_valid(content.data))
    except ValueError:
        # A key is not text.
        return False


@cache
def _judge() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(_schema())


def _ours(page: Page, error: ValidationError) -> bool:
    """Whether a check of our own reports the problem better."""
    place = tuple(error.absolute_path)
    if place[:1] == ("servers",) and len(place) > 1:
        # Servers of other types have other keys.
        return bool(page.node(*place[:2]).get("type", "local") != "local")
    if len(place) == 4 and place[2] == "properties" and error.validator == "required":
        # The schema checks a property without a type as every type at once.
        return "logicalType" not in page.node(*place)
    return bool(_STRICTER.intersection(place))


def _is_echo(error: ValidationError, other: ValidationError) -> bool:
    """Whether keys count as unknown only because a value below or beside them is wrong."""
    if error.validator not in _UNKNOWN_KEY or error is other:
        return False
    place, cause = tuple(error.absolute_path), tuple(other.absolute_path)
    below = cause[: len(place)] == place and len(cause) > len(place)
    return below or (cause == place and other.validator not in _UNKNOWN_KEY)


@cache
def _schema() -> Any:
    # Read the file directly: the package's own method calls deprecated functions.
    return json.loads((files("open_data_contract_standard") / "schema.json").read_text(encoding="utf-8"))


@cache
def _validator() -> Draft201909Validator:
    return Draft201909Validator(_schema())


def _told(page: Page, error: ValidationError) -> Problem:
    place = tuple(error.absolute_path)
    key = str(place[-1]) if place else "the contract"
    quoted = re.findall(r"'([^']*)'", error.message)
    if error.validator in _UNKNOWN_KEY:
        # The line of the first such key, which is sorted by name in the message.
        names = [name for name in quoted if (*place, name) in page.document.lines] or quoted
        advice = "the standard has no such key here: correct it, or use a customProperty of ours"
        return page.problem(f"unknown key {', '.join(names)}", advice, *place, names[0])
    if error.validator == "required":
        return page.problem(f"{quoted[0]} is missing", "the standard wants it here: add it", *place)
    if error.validator == "type":
        wanted = _TYPES.get(str(error.validator_value), str(error.validator_value))
        return page.problem(f"{key} is {error.instance!r}", f"write {wanted}", *place)
    if error.validator == "enum":
        allowed: Any = error.validator_value
        shown = ", ".join(str(value) for value in allowed[:_SHOWN])
        more = " …" if len(allowed) > _SHOWN else ""
        return page.problem(f"{key} is {error.instance!r}", f"write one of {shown}{more}", *place)
    return page.problem(f"{key} is {error.instance!r}", f"see the standard's page on {key}", *place)
