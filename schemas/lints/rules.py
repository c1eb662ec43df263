"""Checks of the declared rules: names, dimension, severity, joins, and the SQL of each part."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from schemas.contract.model import BUILT_IN_RULES, RULE_DIMENSIONS, SEVERITIES, Join, Rule
from schemas.contract.odcs import ENGINE
from schemas.document import Place
from schemas.expressions.functions import load_functions
from schemas.expressions.parse import BATCH_DATE, Scope
from schemas.expressions.parse import problems as expression_problems
from schemas.lints.problem import NAME, Page, Problem, did_you_mean, has_chinese

# Names in `quality.rules.rule` for the row itself and for the relations that built-in rules look at.
RESERVED_ALIASES = re.compile(r"s|(code|ref|twice)_.*")
# `quality.agreement.agree` names the agreement rule of a column's second entity `agreement_<entity>`.
RESERVED_RULES = re.compile("|".join((*BUILT_IN_RULES, "agreement_.*", "semantic_kind_.*")))


def problems(page: Page) -> Iterator[Problem]:
    """What is wrong with the rules."""
    yield from _foreign(page)
    items = page.node("schema", 0).get("quality") or []
    ours = [index for index, item in enumerate(items) if item.get("engine") == ENGINE]
    seen: set[str] = set()
    for index, rule in zip(ours, page.contract.rules, strict=True):
        check = _RuleCheck(page, rule, ("schema", 0, "quality", index))
        if rule.name in seen:
            yield check.wrong("a rule of that name is there already", "rename it", "name")
        seen.add(rule.name)
        yield from check.problems()


def _foreign(page: Page) -> Iterator[Problem]:
    """Refuse quality items that look like rules and that no code runs."""
    for index, item in enumerate(page.node("schema", 0).get("quality") or []):
        if item.get("engine") != ENGINE and item.get("type") != "text":
            yield page.problem(
                f"quality item {item.get('name', index + 1)} is not run here",
                f"write type: custom and engine: {ENGINE}, or type: text for a remark",
                "schema", 0, "quality", index,
            )  # fmt: skip


class _RuleCheck:
    """The checks of one rule."""

    def __init__(self, page: Page, rule: Rule, place: Place) -> None:
        self.page, self.rule, self.place = page, rule, place

    def wrong(self, message: str, advice: str, *below: str | int) -> Problem:
        return self.page.problem(f"rule {self.rule.name}: {message}", advice, *self.place, *below)

    def problems(self) -> Iterator[Problem]:
        rule = self.rule
        if not NAME.fullmatch(rule.name):
            yield self.wrong("the name is not lower_snake_case", "rename it", "name")
        if RESERVED_RULES.fullmatch(rule.name):
            yield self.wrong("a built-in rule has that name", "rename it", "name")
        if rule.dimension not in RULE_DIMENSIONS:
            advice = did_you_mean(rule.dimension, RULE_DIMENSIONS)
            yield self.wrong(f"dimension {rule.dimension!r}", advice, "dimension")
        if rule.severity not in SEVERITIES:
            advice = did_you_mean(rule.severity, SEVERITIES)
            yield self.wrong(f"severity {rule.severity!r}", advice, "severity")
        if not has_chinese(rule.description):
            advice = "say in Chinese what is wrong with such a row: people read it in their tickets"
            yield self.wrong(f"description is {rule.description!r}", advice, "description")
        yield from self.field()
        for join in rule.joins:
            yield from self.join(join, ("implementation", "join", join.alias))
        yield from self.expressions()

    def field(self) -> Iterator[Problem]:
        rule, place = self.rule, ("implementation", "field")
        if rule.field not in self.page.names:
            advice = did_you_mean(rule.field, self.page.names)
            yield self.wrong(f"unknown field {rule.field}", advice, *place)
        elif not self.page.contract.column(rule.field).delivered:
            advice = "name the delivered column that a person can correct"
            yield self.wrong(f"field {rule.field} is derived", advice, *place)

    def join(self, join: Join, place: Place) -> Iterator[Problem]:
        page = self.page
        if not NAME.fullmatch(join.alias) or RESERVED_ALIASES.fullmatch(join.alias):
            advice = "write lower_snake_case, not s and not code_…, ref_… or twice_…"
            yield self.wrong(f"join alias {join.alias} is not allowed", advice, *place)
        if join.alias in page.names or join.alias == BATCH_DATE:
            advice = "choose another alias"
            yield self.wrong(f"join alias {join.alias} is also a column", advice, *place)
        every = {other for rule in page.contract.rules for other in rule.joins}
        if any(other.alias == join.alias and other != join for other in every):
            advice = "in one contract an alias means one join: rename it here"
            yield self.wrong(f"join alias {join.alias} means another join elsewhere", advice, *place)
        if join.dataset not in page.library:
            advice = did_you_mean(join.dataset, {contract.id for contract in page.library})
            yield self.wrong(f"join {join.alias}: unknown dataset {join.dataset}", advice, *place)
            return
        if page.library[join.dataset].keyless:
            advice = "join a dataset whose rows a key identifies"
            yield self.wrong(f"join {join.alias}: {join.dataset} has no key", advice, *place)
            return
        entity = next((s.entity for s in page.contract.subjects if s.key == join.by), None)
        if entity is None:
            advice = "write the key column of one of the contract's subjects"
            yield self.wrong(f"join {join.alias}: {join.by} is no subject's key", advice, *place)
            return
        speaks_of = [subject.entity for subject in page.library[join.dataset].subjects]
        known = {declared.name for declared in page.library.entities}
        if entity in known and speaks_of.count(entity) != 1:
            advice = "join a dataset with exactly one such subject"
            message = f"join {join.alias}: {join.dataset} speaks of {speaks_of.count(entity)} {entity}"
            yield self.wrong(message, advice, *place)

    def expressions(self) -> Iterator[Problem]:
        if any(join.dataset not in self.page.library for join in self.rule.joins):
            return
        joined = {
            join.alias: {column.name for column in self.page.library[join.dataset].columns}
            for join in self.rule.joins
        }
        scope = Scope(self.page.names, load_functions(), joined)
        parts: Mapping[str, str | None] = {
            "violates": self.rule.violates,
            "suggest": self.rule.suggest,
            "evidence": self.rule.evidence,
        }
        for name, expression in parts.items():
            for message in expression_problems(expression, scope) if expression is not None else ():
                advice = "see docs/contracts.md on expressions"
                yield self.wrong(f"{name}: {message}", advice, "implementation", name)
