"""Checks of each column: type, bounds, kind, codes, reference, what it feeds, how it is derived."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.contract.model import CLASSIFICATIONS, LOGICAL_TYPES, Column, Feed
from schemas.document import Place
from schemas.expressions.functions import load_functions
from schemas.expressions.parse import BATCH_DATE, Scope, is_constant, pattern_problem
from schemas.expressions.parse import problems as expression_problems
from schemas.kinds import load_kinds
from schemas.lints.problem import NAME, Page, Problem, did_you_mean, has_chinese
from schemas.tables import load_tables

# The options of a logical type that become rules. No code reads the standard's other options.
OPTIONS = ("minimum", "maximum", "maxLength", "pattern")
# DuckDB's column with the number of the file, where it reads several files as one table.
FILE_NUMBER = "file_index"
# Columns that the platform itself puts into a dataset's tables, or reads beside them.
RESERVED_COLUMNS = frozenset({BATCH_DATE, "record_key", FILE_NUMBER})
DELIVERED_SUFFIX = "__delivered"
# Names, beside the attributes, in the fused table and in the query that makes it.
RESERVED_ATTRIBUTES = frozenset({"key", FILE_NUMBER})
ANY_SUFFIX = "__any"

_ORDERED = ("integer", "number", "date", "timestamp")
_ADVICE = "see docs/contracts.md on expressions"


def problems(page: Page) -> Iterator[Problem]:
    """What is wrong with the columns."""
    seen: set[str] = set()
    for index, column in enumerate(page.contract.columns):
        check = _ColumnCheck(page, column, ("schema", 0, "properties", index))
        if column.name in seen:
            yield check.wrong("a column of that name is there already", "rename it", "name")
        seen.add(column.name)
        yield from check.problems()


class _ColumnCheck:
    """The checks of one column."""

    def __init__(self, page: Page, column: Column, place: Place) -> None:
        self.page, self.column, self.place = page, column, place

    def wrong(self, message: str, advice: str, *below: str | int) -> Problem:
        return self.page.problem(f"{self.column.name}: {message}", advice, *self.place, *below)

    def wrong_fact(self, fact: str, message: str, advice: str, *below: str | int) -> Problem:
        place = self.page.fact(fact, *below, owner=self.place)
        return self.page.problem(f"{self.column.name}: {message}", advice, *place)

    def problems(self) -> Iterator[Problem]:
        yield from self.naming()
        yield from self.type()
        yield from self.bounds()
        yield from self.text()
        yield from self.unread()
        yield from self.reference()
        yield from self.feeds()
        if self.column.derive is not None:
            yield from self.derived(self.column.derive)
        if self.column.suggest is not None:
            yield from self.suggested(self.column.suggest)

    def naming(self) -> Iterator[Problem]:
        column = self.column
        if not NAME.fullmatch(column.name):
            advice = "rename it; a synonym may keep the old name"
            yield self.wrong("the name is not lower_snake_case", advice, "name")
        if column.name in RESERVED_COLUMNS or column.name.endswith(DELIVERED_SUFFIX):
            yield self.wrong("the name is one of ours", "rename it", "name")
        if not has_chinese(column.title):
            advice = "say it in Chinese: it heads the column in workbooks"
            yield self.wrong(f"businessName is {column.title!r}", advice, "businessName")
        if column.description and not has_chinese(column.description):
            advice = "say it in Chinese: departments read it"
            yield self.wrong("the description has no Chinese", advice, "description")

    def type(self) -> Iterator[Problem]:
        column = self.column
        if "logicalType" not in self.page.node(*self.place):
            yield self.wrong("no logicalType", f"write one of {', '.join(LOGICAL_TYPES)}")
        if column.type not in LOGICAL_TYPES:
            advice = did_you_mean(column.type, LOGICAL_TYPES)
            yield self.wrong(f"logicalType {column.type}", advice, "logicalType")
        if column.classification not in CLASSIFICATIONS:
            advice = did_you_mean(column.classification, CLASSIFICATIONS)
            yield self.wrong(f"classification {column.classification}", advice, "classification")

    def bounds(self) -> Iterator[Problem]:
        column = self.column
        options: Place = ("logicalTypeOptions",)
        bounds = {"minimum": column.minimum, "maximum": column.maximum}
        for name, bound in bounds.items():
            if bound is None or column.type not in LOGICAL_TYPES:
                continue
            if column.type not in _ORDERED:
                advice = "take it out, or give the column a type that has an order"
                yield self.wrong(f"{name} is not for a {column.type}", advice, *options, name)
            elif not is_constant(bound, column.type):
                advice = "write 2026-03-02 for a date, 2026-03-02 08:30:00 for a timestamp, 12.5"
                yield self.wrong(f"{name} {bound} is no {column.type}", advice, *options, name)
                return
        if column.minimum is not None and column.maximum is not None:
            numeric = column.type in ("integer", "number")
            least, most = column.minimum, column.maximum
            if float(least) > float(most) if numeric else least > most:
                yield self.wrong("minimum is above maximum", "swap them", *options)

    def text(self) -> Iterator[Problem]:
        """Check the keys that only a text column may have."""
        column = self.column
        options: Place = ("logicalTypeOptions",)
        texts = {
            "semanticKind": (column.kind, self.page.fact("semanticKind", owner=self.place)),
            "codeTable": (column.codes, self.page.fact("codeTable", owner=self.place)),
            "maxLength": (column.max_length, (*self.place, *options, "maxLength")),
            "pattern": (column.pattern, (*self.place, *options, "pattern")),
        }
        for name, (value, place) in texts.items():
            if value is not None and column.type in LOGICAL_TYPES and column.type != "string":
                message = f"{column.name}: {name} is for text, not for a {column.type}"
                yield self.page.problem(message, "take it out, or make the column a string", *place)
        if column.kind is not None and column.kind not in load_kinds():
            advice = did_you_mean(column.kind, load_kinds())
            yield self.wrong_fact("semanticKind", f"unknown semanticKind {column.kind}", advice)
        if column.codes is not None and column.codes not in self.page.codes.ids():
            advice = did_you_mean(column.codes, self.page.codes.ids())
            yield self.wrong_fact("codeTable", f"unknown codeTable {column.codes}", advice)
        if column.max_length is not None and not isinstance(column.max_length, int):
            yield self.wrong("maxLength is no number", "write a whole one", *options, "maxLength")
        if column.pattern is not None and (problem := pattern_problem(str(column.pattern))):
            advice = "look-around and back-references do not exist there"
            yield self.wrong(problem, advice, *options, "pattern")

    def unread(self) -> Iterator[Problem]:
        """Refuse keys of the standard that an author may take for rules and that no code reads."""
        node = self.page.node(*self.place)
        for option in node.get("logicalTypeOptions") or {}:
            if option not in OPTIONS:
                advice = f"known here are {', '.join(OPTIONS)}; declare a rule for anything else"
                message = f"option {option} is not checked here"
                yield self.wrong(message, advice, "logicalTypeOptions", option)
        if node.get("enum"):
            yield self.wrong("enum is not checked here", "declare a code table", "enum")
        if node.get("quality"):
            advice = "move the rule to the table's quality and name the field"
            yield self.wrong("a rule under a column is not run", advice, "quality")

    def reference(self) -> Iterator[Problem]:
        reference = self.column.references
        if reference is None:
            return
        dataset, _, name = reference.rpartition(".")
        columns = self.page.library[dataset].columns if dataset in self.page.library else ()
        known = {column.name: column for column in columns}
        if name not in known:
            advice = "write {to: <department>.<dataset>.<column>}"
            message = f"refers to {reference}, which no contract has"
            yield self.wrong(message, advice, "relationships")
        elif self.page.library[dataset].keyless:
            message = f"refers to {dataset}, which has no key"
            yield self.wrong(message, "refer to a dataset whose rows a key identifies", "relationships")
        elif known[name].type != self.column.type:
            message = f"is a {self.column.type} and refers to a {known[name].type}"
            yield self.wrong(message, "give both one logicalType", "relationships")

    def feeds(self) -> Iterator[Problem]:
        common = {field.name for field in load_tables()["governance._common"].fields}
        for index, feed in enumerate(self.column.feeds):
            attribute = feed.attribute
            if not NAME.fullmatch(attribute):
                yield self.wrong_feed(index, "", "write the attribute in lower_snake_case")
            if attribute in RESERVED_ATTRIBUTES | common or attribute.endswith(ANY_SUFFIX):
                yield self.wrong_feed(index, ", a name of ours", "rename it")
            others = [
                column.name
                for column in self.page.contract.columns
                if column is not self.column
                and any((f.subject, f.attribute) == (feed.subject, attribute) for f in column.feeds)
            ]
            if others:
                advice = "one column of a dataset feeds an attribute: take the other out"
                yield self.wrong_feed(index, f", as {', '.join(others)} does", advice)
            yield from self.key_feed(feed, index)

    def key_feed(self, feed: Feed, index: int) -> Iterator[Problem]:
        """Check that a subject's key column feeds the entity's key, and that no other column does."""
        page = self.page
        subject = page.contract.subject(feed.subject)
        entity = next((e for e in page.library.entities if e.name == subject.entity), None)
        if entity is None or subject.key not in page.names:
            return
        if (self.column.name == subject.key) != (feed.attribute == entity.key):
            advice = f"the subject's key column {subject.key}, and it alone, feeds {entity.key}"
            yield self.wrong_feed(index, "", advice)

    def wrong_feed(self, index: int, fault: str, advice: str) -> Problem:
        feed = self.column.feeds[index]
        return self.wrong_fact("feeds", f"feeds {feed.subject}.{feed.attribute}{fault}", advice, index)

    def suggested(self, suggest: str) -> Iterator[Problem]:
        scope = Scope(self.page.names, load_functions())
        for message in expression_problems(suggest, scope):
            yield self.wrong_fact("suggest", f"suggest: {message}", _ADVICE)
        if not self.column.delivered:
            message = "suggest means nothing for a derived column"
            yield self.wrong_fact("suggest", message, "take it out: what is derived is not judged")

    def derived(self, derive: str) -> Iterator[Problem]:
        column = self.column
        delivered = {other.name for other in self.page.contract.delivered_columns}
        scope = Scope(delivered, load_functions(), dated=False)
        for message in expression_problems(derive, scope):
            yield self.wrong(f"transformLogic: {message}", _ADVICE, "transformLogic")
        said = {
            "primaryKey": column.key,
            "required": column.required,
            "unique": column.unique,
            "logicalTypeOptions": bool(self.page.node(*self.place).get("logicalTypeOptions")),
            "relationships": column.references is not None,
        }
        for name, value in said.items():
            if value:
                message = f"{name} means nothing for a derived column"
                yield self.wrong(message, "take it out: what is derived is not judged", name)
        if column.kind is not None:
            message = "semanticKind means nothing for a derived column"
            advice = "take it out: what is derived is not judged"
            yield self.wrong_fact("semanticKind", message, advice)
