"""The linter: what is wrong with a contract, on which line, and what to do about it.

It judges what `schemas.odcs` could read: the standard's own JSON Schema first, then our facts, each against
the library (entities, code tables, semantic kinds, functions, other contracts). It never raises for a bad
contract; the result is the list.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

import yaml
from jsonschema import Draft201909Validator
from open_data_contract_standard.model import OpenDataContractStandard

from schemas.codes import CodeLibrary
from schemas.contract import (
    CLASSIFICATIONS,
    DELIVERY_FORMS,
    DIMENSIONS,
    LOGICAL_TYPES,
    SEVERITIES,
    Column,
    Contract,
    Rule,
)
from schemas.expressions import BATCH_DATE, problems
from schemas.functions import load_functions
from schemas.kinds import load_kinds
from schemas.library import Library
from schemas.odcs import line_numbers, nearest

CONTRACT_FACTS = frozenset({"delivery", "subjects", "unit", "label", "latest"})
COLUMN_FACTS = frozenset({"semanticKind", "codeTable", "feeds"})
SERVER_FACTS = frozenset({"encodings", "sheet", "table", "headerRow"})
NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to mend: the file, the 1-based line, what is wrong, what to do."""

    path: Path
    line: int
    message: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}: {self.advice}"


def lint(library: Library, codes: CodeLibrary) -> list[Problem]:
    """Every problem of every contract in the library, in file and line order."""
    found: list[Problem] = []
    for contract in library:
        found += _Linter(contract, library, codes).problems()
    return sorted(set(found) | set(_rival_sources(library)))


def _rival_sources(library: Library) -> Iterator[Problem]:
    """One item, one source (一数一源): two datasets cannot both be the authority of an attribute."""
    for entity in library.fed_entities:
        for attribute, sources in library.sources(entity.name).items():
            first = [source for source in sources if source.feed.authority == 1]
            if attribute == entity.key:
                continue
            for rival in first:
                others = {s.contract.id for s in first} - {rival.contract.id}
                if others:
                    yield Problem(
                        rival.contract.path,
                        rival.column.line,
                        f"{entity.name}.{attribute} has authority 1 in {', '.join(sorted(others))} too",
                        "only one dataset is the source; give the others 2 or higher",
                    )


@cache
def _schema_validator() -> Draft201909Validator:
    return Draft201909Validator(json.loads(OpenDataContractStandard.json_schema()))


class _Linter:
    """The checks of one contract."""

    def __init__(self, contract: Contract, library: Library, codes: CodeLibrary) -> None:
        self.contract, self.library, self.codes = contract, library, codes
        self.text = contract.path.read_text(encoding="utf-8")
        self.lines = line_numbers(self.text)
        self.document = yaml.safe_load(self.text)
        self.names = {column.name for column in contract.columns}
        self.functions = load_functions()

    def at(self, line: int, message: str, advice: str) -> Problem:
        return Problem(self.contract.path, line, message, advice)

    def line(self, *place: str | int) -> int:
        return self.lines[nearest(self.lines, place)]

    def problems(self) -> Iterator[Problem]:
        yield from self.standard()
        yield from self.facts()
        yield from self.identity()
        yield from self.deliveries()
        yield from self.subjects()
        for column in self.contract.columns:
            yield from self.column(column)
        for rule in self.contract.rules:
            yield from self.rule(rule)

    def standard(self) -> Iterator[Problem]:
        for error in _schema_validator().iter_errors(self.document):
            place = ".".join(str(part) for part in error.absolute_path) or "contract"
            yield self.at(
                self.line(*error.absolute_path),
                f"not as ODCS {self.document.get('apiVersion')} says: {place}: {error.message[:200]}",
                "see the standard's page on this key",
            )

    def facts(self) -> Iterator[Problem]:
        groups: list[tuple[Sequence[str | int], frozenset[str]]] = [((), CONTRACT_FACTS)]
        groups += [(("servers", i), SERVER_FACTS) for i in range(len(self.contract.deliveries))]
        groups += [
            (("schema", 0, "properties", i), COLUMN_FACTS)
            for i in range(len(self.contract.columns))
        ]
        for place, allowed in groups:
            node = self.document
            for part in place:
                node = node[part]
            for index, item in enumerate(node.get("customProperties") or []):
                if item.get("property") not in allowed:
                    yield self.at(
                        self.line(*place, "customProperties", index),
                        f"unknown custom property {item.get('property')}",
                        f"known here are {', '.join(sorted(allowed))}",
                    )
        delivery = [
            item.get("value")
            for item in self.document.get("customProperties") or []
            if item.get("property") == "delivery"
        ]
        if delivery != ["snapshot"]:
            yield self.at(
                self.line("customProperties"),
                "how the extract relates to the one before is not said",
                "add {property: delivery, value: snapshot}: each delivery holds every row",
            )

    def identity(self) -> Iterator[Problem]:
        contract = self.contract
        department, _, dataset = contract.id.partition(".")
        if not (NAME.fullmatch(department) and NAME.fullmatch(dataset)):
            yield self.at(
                self.line("id"),
                f"id {contract.id} is not <department>.<dataset>",
                "use lower-case letters, digits and _",
            )
        if department != contract.department:
            yield self.at(
                self.line("domain"),
                f"domain {contract.department} differs from the id's {department}",
                "let the id begin with the domain",
            )
        if not contract.key:
            yield self.at(
                self.line("schema"), "no column is primaryKey", "say what identifies a row"
            )
        for name in (contract.label, contract.latest):
            if name is not None and name not in self.names:
                yield self.at(
                    self.line("customProperties"),
                    f"unknown column {name}",
                    "name one of the columns",
                )
        titles = Counter(title for column in contract.columns for title in set(column.titles))
        for title, count in titles.items():
            if count > 1:
                yield self.at(
                    self.line("schema", 0, "properties"),
                    f"{count} columns are called {title}",
                    "a heading must lead to one column",
                )
        for name, count in Counter(rule.name for rule in contract.rules).items():
            if count > 1:
                yield self.at(
                    self.line("schema", 0, "quality"), f"{count} rules are called {name}", "rename"
                )

    def deliveries(self) -> Iterator[Problem]:
        if not self.contract.deliveries:
            yield self.at(1, "no servers", "say how the extract is delivered: format and path")
        for index, delivery in enumerate(self.contract.deliveries):
            line = self.line("servers", index)
            if delivery.form not in DELIVERY_FORMS:
                yield self.at(
                    line, f"format {delivery.form!r}", f"one of {', '.join(DELIVERY_FORMS)}"
                )
            if not delivery.pattern:
                yield self.at(line, "no path", "say the file name pattern, such as 户籍人口*.csv")
            misplaced = [
                name
                for name, value, form in (
                    ("sheet", delivery.sheet, "xlsx"),
                    ("table", delivery.table, "sqlite"),
                    ("delimiter", delivery.delimiter, "csv"),
                )
                if value is not None and delivery.form != form
            ]
            for name in misplaced:
                yield self.at(line, f"{name} means nothing for {delivery.form}", "take it out")
            for encoding in delivery.encodings:
                try:
                    codecs.lookup(encoding)
                except LookupError:
                    yield self.at(line, f"unknown encoding {encoding}", "such as gb18030, utf-8")

    def subjects(self) -> Iterator[Problem]:
        line = self.line("customProperties")
        known = {entity.name for entity in self.library.entities}
        for subject in self.contract.subjects:
            if subject.entity not in known:
                yield self.at(
                    line,
                    f"subject {subject.alias}: unknown entity {subject.entity}",
                    "declare it in _entities.yaml of this folder",
                )
            if subject.key not in self.names:
                yield self.at(line, f"unknown column {subject.key}", "name the key's column")
        for route in self.contract.routes:
            if route.column not in self.names:
                yield self.at(line, f"unit: unknown column {route.column}", "name a column")
            if route.dataset is not None and route.dataset not in self.library:
                yield self.at(line, f"unit: unknown dataset {route.dataset}", "name a dataset id")

    def column(self, column: Column) -> Iterator[Problem]:
        def wrong(message: str, advice: str) -> Problem:
            return self.at(column.line, f"{column.name}: {message}", advice)

        if not NAME.fullmatch(column.name):
            yield wrong("the name is not lower_snake_case", "rename it; synonyms keep the old one")
        if column.type not in LOGICAL_TYPES:
            yield wrong(f"type {column.type}", f"one of {', '.join(LOGICAL_TYPES)}")
        if column.classification not in CLASSIFICATIONS:
            yield wrong(
                f"classification {column.classification}", f"one of {', '.join(CLASSIFICATIONS)}"
            )
        if column.kind is not None and column.kind not in load_kinds():
            yield wrong(f"semanticKind {column.kind}", f"one of {', '.join(load_kinds())}")
        if column.codes is not None and column.codes not in self.codes.ids():
            yield wrong(f"codeTable {column.codes}", f"one of {', '.join(self.codes.ids())}")
        for bound in (column.minimum, column.maximum):
            if bound is not None and not _readable(bound, column.type):
                yield wrong(
                    f"bound {bound} is not a {column.type}", "write it in the column's type"
                )
        if column.pattern is not None:
            try:
                re.compile(column.pattern)
            except re.error as error:
                yield wrong(f"pattern: {error}", "write a regular expression")
        if column.references is not None and not self.known_column(column.references):
            yield wrong(
                f"refers to {column.references}, which no contract has",
                "write <department>.<dataset>.<column>",
            )
        for feed in column.feeds:
            entity = self.contract.subject(feed.subject).entity
            declared = [e for e in self.library.entities if e.name == entity]
            is_key = column.name == self.contract.subject(feed.subject).key
            if declared and is_key != (feed.attribute == declared[0].key):
                yield wrong(
                    f"feeds {feed.subject}.{feed.attribute}",
                    f"the subject's key column, and it alone, feeds {declared[0].key}",
                )
        if column.derive is not None:
            if column.key:
                yield wrong("a derived column cannot be a key", "take primaryKey away")
            delivered = {c.name for c in self.contract.delivered_columns}
            for message in problems(column.derive, delivered, {}, self.functions):
                yield wrong(f"transformLogic: {message}", "see docs/contracts.md on expressions")

    def known_column(self, reference: str) -> bool:
        dataset, _, name = reference.rpartition(".")
        return dataset in self.library and name in {c.name for c in self.library[dataset].columns}

    def rule(self, rule: Rule) -> Iterator[Problem]:
        def wrong(message: str, advice: str) -> Problem:
            return self.at(rule.line, f"rule {rule.name}: {message}", advice)

        if rule.field not in self.names:
            yield wrong(f"unknown field {rule.field}", "name the column that is to be corrected")
        if rule.dimension not in DIMENSIONS:
            yield wrong(f"dimension {rule.dimension!r}", f"one of {', '.join(DIMENSIONS)}")
        if rule.severity not in SEVERITIES:
            yield wrong(f"severity {rule.severity!r}", f"one of {', '.join(SEVERITIES)}")
        if not rule.description:
            yield wrong("no description", "say in Chinese what is wrong with such a row")
        joined: dict[str, set[str]] = {}
        every = {join for other in self.contract.rules for join in other.joins}
        for join in rule.joins:
            if any(other.alias == join.alias and other != join for other in every):
                yield wrong(f"join alias {join.alias} means two things", "one alias, one join")
            if join.dataset not in self.library:
                yield wrong(
                    f"join {join.alias}: unknown dataset {join.dataset}", "name a dataset id"
                )
                continue
            if join.by not in {subject.key for subject in self.contract.subjects}:
                yield wrong(f"join {join.alias}: {join.by} is not a subject's key", "join by one")
                continue
            entity = next(s.entity for s in self.contract.subjects if s.key == join.by)
            other = self.library[join.dataset]
            if [subject.entity for subject in other.subjects].count(entity) != 1:
                yield wrong(
                    f"join {join.alias}: {join.dataset} does not speak of exactly one {entity}",
                    "join a dataset with one such subject",
                )
            if join.alias in self.names or join.alias == BATCH_DATE:
                yield wrong(f"join alias {join.alias} is also a column", "choose another alias")
            joined[join.alias] = {column.name for column in other.columns}
        for part in ("violates", "suggest", "evidence"):
            expression = getattr(rule, part)
            if expression is not None:
                for message in problems(expression, self.names, joined, self.functions):
                    yield wrong(f"{part}: {message}", "see docs/contracts.md on expressions")


def _readable(bound: str, logical_type: str) -> bool:
    readers = {
        "integer": int,
        "number": float,
        "date": date.fromisoformat,
        "timestamp": datetime.fromisoformat,
    }
    reader = readers.get(logical_type)
    if reader is None:
        return False
    try:
        reader(bound)
    except ValueError:
        return False
    return True
