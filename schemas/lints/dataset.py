"""Checks of a contract as a whole: identity, key, headings, delivery, subjects, and the way to a township."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from schemas.contract.model import Route
from schemas.document import Place
from schemas.kinds import load_kinds
from schemas.lints import delivery, origins
from schemas.lints.problem import NAME, Page, Problem, did_you_mean, has_chinese

CONTRACT_FACTS = (
    "delivery", "change", "volume", "limits", "drift", "subjects", "unit", "label", "latest", "key",
)  # fmt: skip
COLUMN_FACTS = (
    "semanticKind", "codeTable", "feeds", "suggest", "mergedCells", "sheetName", "groupRow", "fromFileName",
    "fromTitle",
)  # fmt: skip

# The lake keeps an entity's agreement findings as `agreement.<entity>`, beside `<department>.<dataset>`.
RESERVED_DEPARTMENTS = frozenset({"agreement"})


def problems(page: Page) -> Iterator[Problem]:
    """What is wrong with the contract as a whole."""
    yield from _facts(page)
    yield from _identity(page)
    yield from _key(page)
    yield from _headings(page)
    yield from _named_columns(page)
    yield from delivery.problems(page)
    yield from origins.problems(page)
    yield from _subjects(page)
    for index, route in enumerate(page.contract.routes):
        yield from _route(page, route, page.fact("unit", index))


def _facts(page: Page) -> Iterator[Problem]:
    """Refuse custom properties that no code reads."""
    properties = range(len(page.contract.columns))
    groups: list[tuple[Place, tuple[str, ...]]] = [
        ((), CONTRACT_FACTS),
        *((("servers", index), delivery.SERVER_FACTS) for index in range(len(page.contract.deliveries))),
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
    yield from _keyless(page)
    if positions != sorted(positions):
        yield page.problem(
            "primaryKeyPosition is not the order of the columns",
            "put the key's columns in that order: the record key is made in it",
            "schema", 0, "properties",
        )  # fmt: skip


def _keyless(page: Page) -> Iterator[Problem]:
    """Check that a dataset without a key declares this, and declares nothing that needs a key."""
    contract, said = page.contract, page.fact("key")
    if said and not contract.keyless:
        yield page.problem(f"key {page.node(*said)!r}", "write none, or take it out", *said)
    if not contract.keyless:
        if not contract.key:
            advice = "say what identifies a row, or write {property: key, value: none}: then its content does"
            yield page.problem("no column is primaryKey", advice, "schema")
        return
    if contract.key:
        message = f"key is none, and {contract.key[0].name} is primaryKey"
        yield page.problem(message, "take one of them out", *said)
    for index, delivery_ in enumerate(contract.deliveries):
        if delivery_.mode == "delta":
            place = page.fact("delivery", owner=("servers", index))
            own = place != ("servers", index)
            advice = "write snapshot: a change names its record by the key"
            yield page.problem(
                "a dataset without a key takes no delta", advice, *(place if own else page.fact("delivery"))
            )
    if contract.subjects:
        advice = (
            "take subjects and feeds out: what governance holds is corrected in a record, known by its key"
        )
        yield page.problem("a dataset without a key has no subjects", advice, *page.fact("subjects"))


def _headings(page: Page) -> Iterator[Problem]:
    """Check that each heading leads to one column. Readers ignore width and case of headings."""
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
    """Check that `label` and `latest` name columns."""
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


def _township_kinds() -> list[str]:
    """The kinds whose values lead to a township."""
    return [kind.name for kind in load_kinds().values() if kind.role == "township"]


def _route(page: Page, route: Route, place: Place) -> Iterator[Problem]:
    if route.column not in page.names:
        advice = did_you_mean(route.column, page.names)
        yield page.problem(f"unit: unknown column {route.column}", advice, *place)
        return
    column = page.contract.column(route.column)
    if route.dataset is None:
        if column.delivered and column.kind not in _township_kinds():
            yield page.problem(
                f"unit: {column.name} is not a division code",
                f"give it semanticKind {' or '.join(_township_kinds())}, or name another column",
                *place,
            )
        return
    if route.dataset not in page.library:
        datasets = {contract.id for contract in page.library}
        advice = did_you_mean(route.dataset, datasets)
        yield page.problem(f"unit: unknown dataset {route.dataset}", advice, *place)
        return
    other = page.library[route.dataset]
    if other.keyless:
        message = f"unit: {route.dataset} has no key"
        yield page.problem(message, "name a dataset whose rows a key identifies", *place)
        return
    if not other.subjects or all(way.dataset is not None for way in other.routes):
        yield page.problem(
            f"unit: {route.dataset} does not know a township itself",
            "name a dataset with a subject and a column of its own under unit",
            *place,
        )
