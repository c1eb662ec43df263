"""Checks against the Open Data Contract Standard itself, by its own JSON Schema, in few words."""

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
# Keys for which we take fewer values than the standard does: our own checks speak of them.
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
    """Where the contract is not as the standard says."""
    if _conforms(_Content(page.document.digest, page.document.data)):
        return
    errors = [error for error in _validator().iter_errors(page.document.data) if not _ours(page, error)]
    for error in errors:
        if not any(_is_echo(error, other) for other in errors):
            yield _told(page, error)


@dataclass(frozen=True)
class _Content:
    """What a file says, known by its digest."""

    digest: str
    data: Mapping[str, Any] = field(compare=False)


@cache
def _conforms(content: _Content) -> bool:
    """Whether a file keeps to the standard; what is wrong, and where, the slower validator tells."""
    try:
        return bool(_judge().is_valid(content.data))
    except ValueError:
        # A key that is no text.
        return False


@cache
def _judge() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(_schema())


def _ours(page: Page, error: ValidationError) -> bool:
    """Whether a check of our own says it better."""
    place = tuple(error.absolute_path)
    if place[:1] == ("servers",) and len(place) > 1:
        # Other types than ours have other keys.
        return bool(page.node(*place[:2]).get("type", "local") != "local")
    if len(place) == 4 and place[2] == "properties" and error.validator == "required":
        # A property without a type is judged as every type at once.
        return "logicalType" not in page.node(*place)
    return bool(_STRICTER.intersection(place))


def _is_echo(error: ValidationError, other: ValidationError) -> bool:
    """Whether keys count as unknown only because something below or beside them is wrong."""
    if error.validator not in _UNKNOWN_KEY or error is other:
        return False
    place, cause = tuple(error.absolute_path), tuple(other.absolute_path)
    below = cause[: len(place)] == place and len(cause) > len(place)
    return below or (cause == place and other.validator not in _UNKNOWN_KEY)


@cache
def _schema() -> Any:
    # Beside the model; its own method to read it is deprecated inside.
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
