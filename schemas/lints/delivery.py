"""Checks of how an extract is delivered: ways, changes, tolerances, and the file's layout."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from schemas.contract.deliveries import NO_HEADINGS
from schemas.contract.limits import CHECK_NAMES, COLUMN_CHECK_NAMES
from schemas.contract.model import (
    DELIVERY_MODES,
    VOLUME_HANDLINGS,
    Delivery,
)
from schemas.document import Place
from schemas.formats import load_formats
from schemas.lints.problem import Page, Problem, did_you_mean

SERVER_FACTS = ("delivery", "encodings", "delimiter", "sheet", "table", "headerRow", "headings", "parts")


def problems(page: Page) -> Iterator[Problem]:
    """What is wrong with the ways of delivery."""
    yield from _mode(page)
    yield from _ways(page)
    yield from _change(page)
    yield from _volume(page)
    yield from _limits(page)


def _mode(page: Page) -> Iterator[Problem]:
    place = page.fact("delivery")
    if not place or page.node(*place) not in DELIVERY_MODES:
        yield page.problem(
            "how an extract relates to the one before is not said",
            "add {property: delivery, value: snapshot} if each delivery holds every row, "
            "or value: delta if it holds what has changed",
            *(place or ("customProperties",)),
        )


def _ways(page: Page) -> Iterator[Problem]:
    deliveries = page.contract.deliveries
    if not deliveries:
        yield page.problem("no servers", "say how the extract is delivered: type, format and path")
    for index, delivery in enumerate(deliveries):
        place: Place = ("servers", index)
        if page.node(*place).get("type") != "local":
            yield page.problem(
                "a delivery is a file that someone hands in", "write type: local", *place, "type"
            )
        if delivery.name in {other.name for other in deliveries[:index]}:
            yield page.problem(
                f"two servers are called {delivery.name!r}",
                "give each its own name: a receipt names the way by which a file came",
                *place, "server",
            )  # fmt: skip
        if delivery.form and delivery.form not in load_formats():
            yield page.problem(
                f"format {delivery.form!r}",
                did_you_mean(delivery.form, load_formats()),
                *place, "format",
            )  # fmt: skip
        if "/" in delivery.pattern:
            yield page.problem(
                f"path {delivery.pattern!r} is not the pattern of a file name",
                "write one such as 户籍人口*.csv",
                *place, "path",
            )  # fmt: skip
        said = page.fact("delivery", owner=place)
        if said != place and delivery.mode not in DELIVERY_MODES:
            advice = did_you_mean(delivery.mode, DELIVERY_MODES)
            yield page.problem(f"delivery {delivery.mode!r}", advice, *said)
        yield from _reading(page, delivery, place)
        yield from _parts(page, delivery, place)


def _reading(page: Page, delivery: Delivery, place: Place) -> Iterator[Problem]:
    """Check the layout of the file that the contract gives to a reader."""
    said = {
        "encodings": delivery.encodings or None,
        "delimiter": delivery.delimiter,
        "sheet": delivery.sheet,
        "table": delivery.table,
        "headerRow": delivery.header_row,
        "headings": NO_HEADINGS if page.fact("headings", owner=place) != place else None,
    }
    where = {name: page.fact(name, owner=place) for name in said}
    found = load_formats().get(delivery.form)
    for name, value in said.items():
        if value is not None and found is not None and not found.takes(name):
            message = f"{name} means nothing for {delivery.form}"
            yield page.problem(message, "take it out", *where[name])
    for encoding in delivery.encodings:
        try:
            codecs.lookup(encoding)
        except LookupError:
            message = f"unknown encoding {encoding}"
            yield page.problem(message, "write gb18030, utf-8 or utf-8-sig", *where["encodings"])
    if delivery.delimiter is not None and len(delivery.delimiter) != 1:
        message = f"delimiter {delivery.delimiter!r} is not one character"
        yield page.problem(message, "write it in quotes", *where["delimiter"])
    if delivery.header_row is not None and delivery.header_row < 1:
        yield page.problem("headerRow counts from 1", "write 1 or more", *where["headerRow"])
    if said["headings"] is not None and not delivery.without_headings:
        value = page.node(*where["headings"])
        yield page.problem(f"headings {value!r}", "write none, or take it out", *where["headings"])
    if delivery.without_headings and delivery.header_row is not None:
        message = "headerRow means nothing for a file without headings"
        yield page.problem(message, "take it out", *where["headerRow"])


def _parts(page: Page, delivery: Delivery, place: Place) -> Iterator[Problem]:
    """Check the declared parts of a snapshot: their names, and the condition for having all of them."""
    parts = delivery.parts
    if parts is None:
        return
    where = page.fact("parts", owner=place)
    named: frozenset[str] = frozenset()
    if parts.name is not None:
        try:
            pattern = re.compile(parts.name)
        except re.error as error:
            message = f"parts: name is no regular expression: {error}"
            yield page.problem(message, r"write one such as _(\d+)of(?P<of>\d+)", *where, "name")
            return
        named = frozenset(pattern.groupindex)
        if "part" not in named and pattern.groups - len(named) != 1:
            message = "parts: name does not say which group is the part's name"
            yield page.problem(message, "put it in (?P<part>…), or keep one pair of brackets", *where, "name")
    ways = sum((parts.count is not None, bool(parts.every), "of" in named))
    if ways != 1:
        yield page.problem(
            "parts: it is not said once when they are all there"
            if ways
            else "parts: when are they all there",
            "write count, or all, or a group (?P<of>…) in name: one of them",
            *where,
        )
    if parts.count is not None and parts.count < 1:
        yield page.problem(f"parts: count {parts.count}", "write 1 or more", *where)
    if len(set(parts.every)) != len(parts.every):
        yield page.problem("parts: all names a part twice", "keep one of them", *where, "all")
    if delivery.mode == "delta":
        message = "parts: a delta is whole by itself"
        yield page.problem(message, "take it out: each file of changes counts as it comes", *where)


def _change(page: Page) -> Iterator[Problem]:
    change = page.contract.change
    if change is None:
        return
    delivered = {column.name: column for column in page.contract.delivered_columns}
    place = page.fact("change", "column")
    if change.column not in delivered:
        message = f"change: unknown delivered column {change.column}"
        yield page.problem(message, did_you_mean(change.column, delivered), *place)
    elif delivered[change.column].type != "string":
        message = f"change: {change.column} is not a string"
        yield page.problem(message, "write logicalType: string", *place)
    if not page.contract.takes_deltas:
        yield page.problem(
            "change: every delivery is a snapshot",
            "take it out: a record that is gone is not in the next snapshot",
            *page.fact("change"),
        )


def _volume(page: Page) -> Iterator[Problem]:
    volume = page.contract.volume
    if volume is None:
        return
    if volume.fall is not None and not 0 <= volume.fall <= 1:
        message = f"volume: fall {volume.fall:g} is no share"
        yield page.problem(message, "write 0.3 for three tenths fewer rows", *page.fact("volume", "fall"))
    if volume.rise is not None and volume.rise < 0:
        message = f"volume: rise {volume.rise:g} is below 0"
        yield page.problem(message, "write 0.5 for half as many rows more", *page.fact("volume", "rise"))
    if volume.handling not in VOLUME_HANDLINGS:
        yield page.problem(
            f"volume: handling {volume.handling!r}",
            did_you_mean(str(volume.handling), VOLUME_HANDLINGS),
            *page.fact("volume", "handling"),
        )


def _limits(page: Page) -> Iterator[Problem]:
    columns = {column.name for column in page.contract.delivered_columns}
    for (check, column), share in page.contract.limits.shares.items():
        place = page.fact("limits", check)
        if check not in CHECK_NAMES:
            message = f"limits: unknown check {check}"
            yield page.problem(message, did_you_mean(check, CHECK_NAMES), *page.fact("limits"))
        elif column is not None and check not in COLUMN_CHECK_NAMES:
            message = f"limits: {check} is no check of single columns"
            yield page.problem(message, "write one share for the dataset", *place)
        elif column is not None and column not in columns:
            message = f"limits: {check}: unknown delivered column {column}"
            yield page.problem(message, did_you_mean(column, columns), *place)
        elif share is not None and not 0 <= share <= 1:
            message = f"limits: {check}: {share:g} is no share"
            yield page.problem(message, "write 0.3 for three tenths, or null for no limit", *place)
        elif check in ("rows_fall", "rows_rise") and page.contract.volume is not None:
            message = f"limits: {check}: volume says the same"
            yield page.problem(message, "keep one of them", *place)
