"""Reading a contract: ODCS v3 YAML in, `Contract` out, every part with the line it stands on.

The standard's own fields are used wherever it has one; what is ours rides in `customProperties` (named in
docs/contracts.md) and in `quality` items of `engine: zhenjie`. Whether what was read makes sense is the
linter's business; here only what cannot be read at all is an error.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from open_data_contract_standard.model import (
    CustomProperty,
    DataQuality,
    OpenDataContractStandard,
    SchemaProperty,
    Server,
)
from pydantic import ValidationError

from schemas.contract import Column, Contract, Delivery, Feed, Join, Route, Rule, Subject

DAYS = {"d": 1, "day": 1, "days": 1, "w": 7, "m": 31, "y": 366}

Lines = Mapping[tuple[str | int, ...], int]


class ContractError(Exception):
    """A contract that cannot be read: the file, the line, what is wrong and what to do."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path, self.line, self.message = path, line, message


def line_numbers(text: str) -> Lines:
    """Map each place in a YAML text, as a path of keys and indexes, to its 1-based line."""
    lines: dict[tuple[str | int, ...], int] = {}

    def walk(node: yaml.Node | None, path: tuple[str | int, ...]) -> None:
        if node is None:
            return
        lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                lines[(*path, key.value)] = key.start_mark.line + 1
                walk(value, (*path, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                walk(value, (*path, index))

    walk(yaml.compose(text, Loader=yaml.SafeLoader), ())
    return lines


def read_document(path: Path) -> tuple[OpenDataContractStandard, Lines, str]:
    """Parse one contract file into the standard's own model.

    Returns:
        The document, the line of each of its places, and the sha256 of the file.

    Raises:
        ContractError: not YAML, or not shaped as the Open Data Contract Standard says.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
        lines = line_numbers(text)
        data = yaml.safe_load(text)
    except UnicodeDecodeError as error:
        raise ContractError(path, 1, "the file is not UTF-8: save it as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not YAML"
        raise ContractError(path, mark.line + 1 if mark else 1, f"not YAML: {problem}") from error
    if not isinstance(data, dict):
        raise ContractError(path, 1, "a contract is a mapping with apiVersion, kind, id, schema …")
    try:
        document = OpenDataContractStandard(**data)
    except ValidationError as error:
        first = error.errors()[0]
        place = nearest(lines, tuple(first["loc"]))
        name = ".".join(str(part) for part in first["loc"])
        raise ContractError(path, lines[place], f"{name}: {first['msg']}") from error
    return document, lines, hashlib.sha256(content).hexdigest()


def nearest(lines: Lines, place: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The longest beginning of `place` that stands in the file."""
    while place and place not in lines:
        place = place[:-1]
    return place


def read_contract(path: Path) -> Contract:
    """Read one contract file.

    Raises:
        ContractError: the file cannot be read as a contract; says the line and what to do.
    """
    document, lines, digest = read_document(path)
    for name in ("id", "name", "version", "domain", "tenant"):
        if not getattr(document, name):
            raise ContractError(path, 1, f"{name} is missing: add it at the top of the contract")
    tables = document.schema_ or []
    if len(tables) != 1:
        raise ContractError(
            path, lines.get(("schema",), 1), "a contract describes exactly one table under schema"
        )
    reader = _Reader(path, lines)
    table = tables[0]
    ours = custom(document.customProperties)
    subjects = reader.subjects(ours.get("subjects") or {})
    columns = tuple(
        reader.column(item, index, subjects) for index, item in enumerate(table.properties or [])
    )
    team = document.team
    description = document.description
    return Contract(
        id=str(document.id),
        title=str(document.name),
        version=str(document.version),
        department=str(document.domain),
        department_title=str(document.tenant),
        description=(description.purpose or "") if description else "",
        columns=columns,
        deliveries=tuple(reader.delivery(server) for server in document.servers or []),
        subjects=subjects,
        routes=reader.routes(ours.get("unit") or []),
        rules=tuple(
            reader.rule(item, index, subjects)
            for index, item in enumerate(table.quality or [])
            if item.engine == "zhenjie"
        ),
        label=ours.get("label"),
        latest=ours.get("latest"),
        frequency_days=reader.days(document, "frequency"),
        latency_days=reader.days(document, "latency"),
        owner=(team.name or "") if team is not None and not isinstance(team, list) else "",
        tags=tuple(document.tags or ()),
        path=path,
        digest=digest,
    )


def custom(properties: Iterable[CustomProperty] | None) -> dict[str, Any]:
    """Our own facts: `customProperties` as a mapping."""
    return {str(item.property): item.value for item in properties or ()}


class _Reader:
    """Turns the parts of one document into ours; knows the file so that errors can name it."""

    def __init__(self, path: Path, lines: Lines) -> None:
        self.path, self.lines = path, lines

    def fail(self, place: tuple[str | int, ...], message: str) -> ContractError:
        return ContractError(self.path, self.lines[nearest(self.lines, place)], message)

    def subjects(self, value: object) -> tuple[Subject, ...]:
        if not isinstance(value, Mapping):
            raise self.fail(("customProperties",), "subjects is a mapping: {person: {entity, key}}")
        subjects = []
        for alias, item in value.items():
            if not isinstance(item, Mapping) or not {"entity", "key"} <= item.keys():
                raise self.fail(
                    ("customProperties",), f"subject {alias}: say its entity and its key column"
                )
            subjects.append(Subject(str(alias), str(item["entity"]), str(item["key"])))
        return tuple(subjects)

    def routes(self, value: object) -> tuple[Route, ...]:
        if not isinstance(value, list):
            raise self.fail(("customProperties",), "unit is a list of {column} or {dataset, by}")
        routes = []
        for item in value:
            if isinstance(item, Mapping) and set(item) == {"column"}:
                routes.append(Route(column=str(item["column"])))
            elif isinstance(item, Mapping) and set(item) == {"dataset", "by"}:
                routes.append(Route(column=str(item["by"]), dataset=str(item["dataset"])))
            else:
                raise self.fail(
                    ("customProperties",), "unit: each way is {column: …} or {dataset: …, by: …}"
                )
        return tuple(routes)

    def delivery(self, server: Server) -> Delivery:
        ours = custom(server.customProperties)
        return Delivery(
            form=server.format or "",  # type: ignore[arg-type]  # the linter judges the value
            pattern=server.path or "",
            encodings=tuple(ours.get("encodings") or ()),
            delimiter=server.delimiter,
            sheet=ours.get("sheet"),
            table=ours.get("table"),
            header_row=ours.get("headerRow"),
        )

    def column(self, item: SchemaProperty, index: int, subjects: tuple[Subject, ...]) -> Column:
        place = ("schema", 0, "properties", index)
        if not item.name or not item.businessName:
            raise self.fail(place, "a property needs name and businessName (中文名)")
        ours = custom(item.customProperties)
        options = item.logicalTypeOptions or {}
        references = [str(relation.to) for relation in item.relationships or ()]
        return Column(
            name=item.name,
            title=item.businessName,
            type=item.logicalType or "string",  # type: ignore[arg-type]  # the linter judges it
            description=item.description or "",
            synonyms=tuple(str(synonym.synonym) for synonym in item.synonyms or ()),
            required=bool(item.required),
            unique=bool(item.unique),
            key=bool(item.primaryKey),
            kind=ours.get("semanticKind"),
            codes=ours.get("codeTable"),
            classification=item.classification or "L3",  # type: ignore[arg-type]
            minimum=_text(options.get("minimum")),
            maximum=_text(options.get("maximum")),
            max_length=options.get("maxLength"),
            pattern=options.get("pattern"),
            references=references[0] if references else None,
            derive=item.transformLogic,
            feeds=self.feeds(ours.get("feeds") or {}, place, subjects),
            line=self.lines[nearest(self.lines, place)],
        )

    def feeds(
        self, value: object, place: tuple[str | int, ...], subjects: tuple[Subject, ...]
    ) -> tuple[Feed, ...]:
        if not isinstance(value, Mapping):
            raise self.fail(place, "feeds is a mapping {subject.attribute: authority}")
        feeds = []
        for target, authority in value.items():
            subject, _, attribute = str(target).partition(".")
            if subject not in {item.alias for item in subjects} or not attribute:
                raise self.fail(
                    place, f"feeds {target}: write <subject>.<attribute>, with a subject"
                )
            if not isinstance(authority, int) or authority < 1:
                raise self.fail(place, f"feeds {target}: the authority is a rank, 1 or higher")
            feeds.append(Feed(subject, attribute, authority))
        return tuple(feeds)

    def rule(self, item: DataQuality, index: int, subjects: tuple[Subject, ...]) -> Rule:
        place = ("schema", 0, "quality", index)
        body = item.implementation
        if not item.name or not isinstance(body, Mapping):
            raise self.fail(place, "a rule needs a name and an implementation (field, violates …)")
        unknown = set(body) - {"field", "violates", "suggest", "evidence", "join"}
        if unknown or not {"field", "violates"} <= set(body):
            names = ", ".join(sorted(unknown)) or "field or violates is missing"
            raise self.fail(place, f"rule {item.name}: {names}: allowed are field, violates, "
                                   "suggest, evidence, join")  # fmt: skip
        return Rule(
            name=item.name,
            field=str(body["field"]),
            dimension=item.dimension or "",  # type: ignore[arg-type]  # the linter judges it
            severity=item.severity or "",  # type: ignore[arg-type]
            description=item.description or "",
            violates=str(body["violates"]),
            suggest=_text(body.get("suggest")),
            evidence=_text(body.get("evidence")),
            joins=self.joins(body.get("join") or {}, place, subjects),
            line=self.lines[nearest(self.lines, place)],
        )

    def joins(
        self, value: object, place: tuple[str | int, ...], subjects: tuple[Subject, ...]
    ) -> tuple[Join, ...]:
        if not isinstance(value, Mapping):
            raise self.fail(place, "join is a mapping {alias: dataset} or {alias: {dataset, by}}")
        joins = []
        for alias, target in value.items():
            if isinstance(target, Mapping) and set(target) == {"dataset", "by"}:
                joins.append(Join(str(alias), str(target["dataset"]), str(target["by"])))
            elif isinstance(target, str) and len(subjects) == 1:
                joins.append(Join(str(alias), target, subjects[0].key))
            else:
                raise self.fail(place, f"join {alias}: write {{dataset: …, by: <column>}}")
        return tuple(joins)

    def days(self, document: OpenDataContractStandard, name: str) -> int | None:
        for index, item in enumerate(document.slaProperties or ()):
            if item.property != name:
                continue
            match = re.fullmatch(r"\d+", str(item.value))
            if not match or str(item.unit) not in DAYS:
                raise self.fail(
                    ("slaProperties", index), f"{name}: a whole number and a unit: d, w, m or y"
                )
            return int(match[0]) * DAYS[str(item.unit)]
        return None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
