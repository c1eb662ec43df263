"""Checks of a contract as a whole: identity, key, headings, delivery, and whom and where a row speaks of."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterator

from schemas.contract import DELIVERY_FORMS, Delivery, DeliveryForm, Route
from schemas.document import Place
from schemas.lints.problem import NAME, Page, Problem, did_you_mean, has_chinese

CONTRACT_FACTS = ("delivery", "subjects", "unit", "label", "latest")
SERVER_FACTS = ("encodings", "delimiter", "sheet", "table", "headerRow")
COLUMN_FACTS = ("semanticKind", "codeTable", "feeds")

# The lake keeps an entity's agreement findings as `agreement.<entity>`, beside `<department>.<dataset>`.
RESERVED_DEPARTMENTS = frozenset({"agreement"})

# What a delivery may say, by its form.
FORM_KEYS: dict[DeliveryForm, tuple[str, ...]] = {
    "csv": ("encodings", "delimiter", "headerRow"),
    "xlsx": ("sheet", "headerRow"),
    "sqlite": ("table",),
}


def problems(page: Page) -> Iterator[Problem]:
    """What is wrong with the contract as a whole."""
    yield from _facts(page)
    yield from _identity(page)
    yield from _key(page)
    yield from _headings(page)
    yield from _named_columns(page)
    yield from _deliveries(page)
    yield from _subjects(page)
    for index, route in enumerate(page.contract.routes):
        yield from _route(page, route, page.fact("unit", index))


def _facts(page: Page) -> Iterator[Problem]:
    """Custom properties that nobody would read."""
    properties = range(len(page.contract.columns))
    groups: list[tuple[Place, tuple[str, ...]]] = [
        ((), CONTRACT_FACTS),
        *((("servers", index), SERVER_FACTS) for index in range(len(page.contract.deliveries))),
        (("schema", 0), ()),
        *((("schema", 0, "properties", index), COLUMN_FACTS) for index in properties),
    ]
    for owner, known in groups:
        for index, item in enumerate(page.node(*owner).get("customProperties") or []):
            name = str(item.get("property"))
            if name not in known:
                yield page.problem(
                    f"unknown custom property {name}",
                    did_you_mean(name, known) if known else "take it out",
                    *owner, "customProperties", index,
                )  # fmt: skip
    place = page.fact("delivery")
    if not place or page.node(*place) != "snapshot":
        yield page.problem(
            "how an extract relates to the one before is not said",
            "add {property: delivery, value: snapshot}: each delivery holds every row",
            *(place or ("customProperties",)),
        )


def _identity(page: Page) -> Iterator[Problem]:
    contract = page.contract
    department, _, dataset = contract.id.partition(".")
    version = str(page.document.data.get("apiVersion"))
    if version.startswith("v2."):
        yield page.problem(f"apiVersion is {version}", "write v3.2.0", "apiVersion")
    if not (NAME.fullmatch(department) and NAME.fullmatch(dataset)):
        yield page.problem(
            f"id {contract.id} is not <department>.<dataset>",
            "use lower-case letters, digits and _",
            "id",
        )
    if department != contract.department:
        yield page.problem(
            f"domain {contract.department} is not the id's {department}",
            "let the id begin with the domain",
            "domain",
        )
    if department in RESERVED_DEPARTMENTS:
        yield page.problem(f"{department} is a name of ours", "call the domain otherwise", "domain")
    texts: list[tuple[str, str, Place]] = [
        ("name", contract.title, ("name",)),
        ("tenant", contract.department_title, ("tenant",)),
        ("description.purpose", contract.description, ("description", "purpose")),
    ]
    for name, text, place in texts:
        if not has_chinese(text):
            yield page.problem(f"{name} is {text!r}", "say it in Chinese: departments read it", *place)
    if contract.frequency_days == 0:
        items = [item.get("property") for item in page.node("slaProperties")]
        place = ("slaProperties", items.index("frequency"))
        yield page.problem("frequency is 0", "write how often the extract comes", *place)


def _key(page: Page) -> Iterator[Problem]:
    place: Place = ("schema", 0, "properties")
    positions = []
    for index, column in enumerate(page.contract.columns):
        if not column.key:
            continue
        position = page.node(*place, index).get("primaryKeyPosition")
        positions += [position] if position is not None else []
        if not column.required:
            yield page.problem(
                f"{column.name} is primaryKey but not required",
                "add required: true, else a row without it goes unnoticed",
                *place, index,
            )  # fmt: skip
    if not page.contract.key:
        yield page.problem("no column is primaryKey", "say what identifies a row", "schema")
    if positions != sorted(positions):
        yield page.problem(
            "primaryKeyPosition is not the order of the columns",
            "put the key's columns in that order: the record key is made in it",
            "schema", 0, "properties",
        )  # fmt: skip


def _headings(page: Page) -> Iterator[Problem]:
    """A heading must lead to one column, as a reader compares headings: width and case mean nothing."""
    owners: dict[str, str] = {}
    for index, column in enumerate(page.contract.columns):
        where = {title: ("synonyms", number) for number, title in enumerate(column.synonyms)}
        for title in column.titles:
            plain = unicodedata.normalize("NFKC", title).casefold()
            owner = owners.setdefault(plain, column.name)
            if owner != column.name:
                yield page.problem(
                    f"{title} is a heading of {column.name} and of {owner}",
                    "a heading must lead to one column: rename one",
                    "schema", 0, "properties", index, *where.get(title, ("businessName",)),
                )  # fmt: skip


def _named_columns(page: Page) -> Iterator[Problem]:
    """`label` and `latest` name columns."""
    contract = page.contract
    for fact, name in (("label", contract.label), ("latest", contract.latest)):
        if name is not None and name not in page.names:
            advice = did_you_mean(name, page.names)
            yield page.problem(f"{fact}: unknown column {name}", advice, *page.fact(fact))
    if contract.latest in page.names:
        kind = contract.column(str(contract.latest)).type
        if kind in ("string", "boolean"):
            yield page.problem(
                f"latest: {contract.latest} is a {kind}",
                "name a column whose order is time: a date, a timestamp or a number",
                *page.fact("latest"),
            )


def _deliveries(page: Page) -> Iterator[Problem]:
    if not page.contract.deliveries:
        yield page.problem("no servers", "say how the extract is delivered: type, format and path")
    for index, delivery in enumerate(page.contract.deliveries):
        place: Place = ("servers", index)
        if page.node(*place).get("type") != "local":
            yield page.problem(
                "a delivery is a file that someone hands in", "write type: local", *place, "type"
            )
        if delivery.form and delivery.form not in DELIVERY_FORMS:
            yield page.problem(
                f"format {delivery.form!r}",
                did_you_mean(delivery.form, DELIVERY_FORMS),
                *place, "format",
            )  # fmt: skip
        if "/" in delivery.pattern:
            yield page.problem(
                f"path {delivery.pattern!r} is not the pattern of a file name",
                "write one such as 户籍人口*.csv",
                *place, "path",
            )  # fmt: skip
        yield from _reading(page, delivery, place)


def _reading(page: Page, delivery: Delivery, place: Place) -> Iterator[Problem]:
    """What a reader is told of the file."""
    said = {
        "encodings": delivery.encodings or None,
        "delimiter": delivery.delimiter,
        "sheet": delivery.sheet,
        "table": delivery.table,
        "headerRow": delivery.header_row,
    }
    where = {name: page.fact(name, owner=place) for name in SERVER_FACTS}
    for name, value in said.items():
        if value is not None and name not in FORM_KEYS.get(delivery.form, said):
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


def _subjects(page: Page) -> Iterator[Problem]:
    entities = {entity.name for entity in page.library.entities}
    keys: dict[str, str] = {}
    for subject in page.contract.subjects:
        place = page.fact("subjects", subject.alias)
        if not NAME.fullmatch(subject.alias):
            message = f"subject {subject.alias} is not lower_snake_case"
            yield page.problem(message, "rename it", *place)
        if subject.alias in page.names:
            message = f"subject {subject.alias} is also a column"
            yield page.problem(message, "call the subject otherwise", *place)
        if subject.entity not in entities:
            yield page.problem(
                f"subject {subject.alias}: unknown entity {subject.entity}",
                f"{did_you_mean(subject.entity, entities)} Or declare it in _entities.yaml",
                *place,
            )
        if subject.key not in page.names:
            message = f"subject {subject.alias}: unknown column {subject.key}"
            yield page.problem(message, did_you_mean(subject.key, page.names), *place)
        elif page.contract.column(subject.key).type != "string":
            message = f"subject {subject.alias}: its key {subject.key} is not a string"
            yield page.problem(message, "identifiers are text: write logicalType: string", *place)
        if keys.setdefault(subject.key, subject.alias) != subject.alias:
            message = f"subjects {keys[subject.key]} and {subject.alias} have the same key"
            yield page.problem(message, "one column identifies one subject", *place)


def _route(page: Page, route: Route, place: Place) -> Iterator[Problem]:
    if route.column not in page.names:
        advice = did_you_mean(route.column, page.names)
        yield page.problem(f"unit: unknown column {route.column}", advice, *place)
        return
    column = page.contract.column(route.column)
    if route.dataset is None:
        if column.delivered and column.kind != "division_code":
            yield page.problem(
                f"unit: {column.name} is not a division code",
                "give it semanticKind division_code, or name another column",
                *place,
            )
        return
    if route.dataset not in page.library:
        datasets = {contract.id for contract in page.library}
        advice = did_you_mean(route.dataset, datasets)
        yield page.problem(f"unit: unknown dataset {route.dataset}", advice, *place)
        return
    other = page.library[route.dataset]
    if not other.subjects or all(way.dataset is not None for way in other.routes):
        yield page.problem(
            f"unit: {route.dataset} does not know a township itself",
            "name a dataset with a subject and a column of its own under unit",
            *place,
        )
