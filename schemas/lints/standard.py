"""Checks against the Open Data Contract Standard itself, by its own JSON Schema, told in a few words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache

from jsonschema import Draft201909Validator
from jsonschema.exceptions import ValidationError
from open_data_contract_standard.model import OpenDataContractStandard

from schemas.lints.problem import Page, Problem

_UNKNOWN_KEY = frozenset({"additionalProperties", "unevaluatedProperties"})
# Keys for which we take fewer values than the standard does: our own checks speak of them.
_STRICTER = frozenset({"logicalType", "dimension", "logicalTypeOptions"})
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
    errors = list(_validator().iter_errors(page.document.data))
    other = [tuple(e.absolute_path) for e in errors if e.validator not in _UNKNOWN_KEY]
    for error in errors:
        place = tuple(error.absolute_path)
        if _STRICTER.intersection(place):
            continue
        # What stands beside a fault counts as unevaluated too: that is an echo.
        if error.validator in _UNKNOWN_KEY and any(o[: len(place)] == place for o in other):
            continue
        yield _told(page, error)


@cache
def _validator() -> Draft201909Validator:
    # The model's own method has no types.
    text: str = OpenDataContractStandard.json_schema()  # type: ignore[no-untyped-call]
    return Draft201909Validator(json.loads(text))


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
        shown = ", ".join(str(value) for value in error.validator_value[:_SHOWN])
        more = " …" if len(error.validator_value) > _SHOWN else ""
        return page.problem(f"{key} is {error.instance!r}", f"write one of {shown}{more}", *place)
    return page.problem(f"{key} is {error.instance!r}", f"see the standard's page on {key}", *place)
