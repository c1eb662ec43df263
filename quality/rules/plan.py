"""The plan of a dataset's verification: its checks, the tables and days they look at, and the statement for them all.

A plan is compiled from declarations alone. `quality.findings.verify` runs it; tests print it. In its statement
`{table:<dataset>}` stands for a standard table and `{day}` for the day of the batch.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from quality.rules.common_subexpressions import judge_rows, share_calls
from quality.rules.date_triggers import DateTrigger, coming_true
from quality.rules.routing import finding_rows, no_findings, row_facts, ways_through
from quality.rules.rule import ROW, Lookup, RuleCheck, checks
from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.contract.model import Contract
from schemas.emit.sql import literal, quote
from warehouse.engine.functions import library_digest
from warehouse.engine.templates import template
from warehouse.home.files import digest_of
from warehouse.lake.layers import Input

_TABLE = re.compile(r"\{table:([\w.]+)\}")
_DAY = "{day}"


@dataclass(frozen=True)
class VerificationPlan:
    """How one dataset is verified.

    Attributes:
        contract: the dataset's contract.
        library: all contracts.
        checks: those whose datasets were delivered.
        delivered: the datasets that have a standard table.
        codes_digest: a fingerprint of the code tables.
    """

    contract: Contract
    library: Library
    checks: tuple[RuleCheck, ...]
    delivered: frozenset[str]
    codes_digest: str

    @cached_property
    def datasets(self) -> frozenset[str]:
        """The datasets whose standard tables are read, or would be if they were delivered."""
        read = {dataset for check in self.checks for dataset in check.datasets}
        routes = {route.dataset for route in self.contract.routes if route.dataset}
        return frozenset(read | routes | {self.contract.id})

    @property
    def ways(self) -> list[tuple[str, str, str]]:
        """The datasets that lead a row to its township, each with its key and the column that names it."""
        return list(ways_through(self.contract, self.library, self.delivered))

    @property
    def dated(self) -> tuple[RuleCheck, ...]:
        """The checks that look at the day."""
        return tuple(check for check in self.checks if check.uses_batch_date)

    @property
    def triggers(self) -> Mapping[tuple[str, str], frozenset[DateTrigger] | None]:
        """Rule and field of each check that looks at the day → the dates on which it may come true
        (`quality.rules.date_triggers`)."""
        return {(check.rule.name, check.rule.field): coming_true(check.violates) for check in self.dated}

    @cached_property
    def statement(self) -> str:
        """The SQL of all findings, in the columns of `quality.rules.routing`."""
        if not self.checks:
            return no_findings()
        return self.findings([self.hits(self.checks)])

    @property
    def program(self) -> Mapping[str, str]:
        """Fingerprints of what makes findings of rows."""
        return {
            Input.QUERY: digest_of(self.statement),
            # The divisions, and long code tables, are read where the query runs.
            Input.CODES: self.codes_digest,
            Input.FUNCTIONS: library_digest(),
            **{Input.CONTRACT.of(d): self.library[d].digest for d in sorted(self.datasets)},
        }

    def values(self, batch: date) -> Mapping[str, str]:
        """What else findings follow from: the day, if a check looks at it."""
        return {Input.BATCH: batch.isoformat()} if self.dated else {}

    def findings(self, hits: Sequence[str]) -> str:
        """The SQL that makes findings of statements of hits."""
        every = hits[0] if len(hits) == 1 else " UNION ALL BY NAME ".join(f"({query})" for query in hits)
        markers = {dataset: _marker(dataset) for dataset in self.delivered}
        return finding_rows({self.contract.id: every}, self.library, markers)

    def hits(self, todo: Sequence[RuleCheck], rows: str | None = None, *, share: bool = True) -> str:
        """The SQL of every check that a row violates; columns as `quality.rules.routing.finding_rows` takes them.

        Args:
            todo: the checks.
            rows: a relation with the only rows of the dataset that are to be judged.
            share: whether what several checks ask of a row is computed once, for every row.
        """
        shared, reading = share_calls(todo) if share else ({}, todo)
        judged, reading = judge_rows(reading) if share else ({}, reading)
        lookups = {lookup.alias: lookup for check in todo for lookup in check.lookups}
        dated = any(check.uses_batch_date for check in todo)
        return template("quality", "hits").format(
            row=ROW,
            row_facts=row_facts(self.contract),
            table=rows or _marker(self.contract.id),
            shared=_columns(shared),
            judged=_columns(judged),
            batch_date=f"DATE '{_DAY}'" if dated else "NULL",
            bad="\n      OR ".join(f"({check.violates})" for check in reading),
            cases=",\n    ".join(_case(index, check) for index, check in enumerate(reading)),
            lookups="\n  ".join(
                f"LEFT JOIN ({_filled(lookup, self.contract, rows)}) AS {quote(lookup.alias)} ON {lookup.on}"
                for lookup in lookups.values()
            ),
            rules=",\n    ".join(_constants(index, check) for index, check in enumerate(todo)),
        )

    def __str__(self) -> str:
        """The plan for people."""
        lines = [
            f"{self.contract.id}: {len(self.checks)} checks, reads {', '.join(sorted(self.datasets))}",
            *(f"  {check.rule.name} ({check.rule.field}): {check.violates}" for check in self.checks),
            *(
                f"  {rule} ({field}) looks at the day: {'any row' if dates is None else sorted(map(str, dates))}"
                for (rule, field), dates in self.triggers.items()
            ),
        ]
        return "\n".join(lines)


def compile_verification(
    contract: Contract, library: Library, codes: CodeLibrary, delivered: Collection[str]
) -> VerificationPlan:
    """The plan of a dataset's verification; a check that looks at a dataset without a standard table is left out.

    Args:
        contract: the dataset's contract.
        library: all contracts.
        codes: the code tables.
        delivered: the datasets that have a standard table.
    """
    known = frozenset(delivered)
    todo = tuple(check for check in checks(contract, library, codes) if check.datasets <= known)
    return VerificationPlan(contract, library, todo, known, codes.digest)


def fill(statement: str, tables: Mapping[str, str], batch: date) -> str:
    """A statement of a plan with its tables and its day put in.

    Args:
        statement: as a plan makes it.
        tables: dataset → its standard table as a relation in SQL.
        batch: the day of the batch.
    """
    return _TABLE.sub(lambda match: tables[match[1]], statement).replace(_DAY, batch.isoformat())


def _marker(dataset: str) -> str:
    return f"{{table:{dataset}}}"


def _columns(named: Mapping[str, str]) -> str:
    return "".join(f"({value}) AS {quote(name)}, " for name, value in named.items())


def _case(index: int, check: RuleCheck) -> str:
    parts = ", ".join(
        f"'{name}': CAST({value or 'NULL'} AS VARCHAR)"
        for name, value in (
            ("observed", check.observed),
            ("suggestion", check.suggestion),
            ("evidence", check.evidence),
        )
    )
    return f"CASE WHEN {check.violates} THEN {{'check_no': {index}, {parts}}} END"


def _constants(index: int, check: RuleCheck) -> str:
    rule = check.rule
    names = ", ".join(literal(text) for text in (rule.name, rule.dimension, rule.severity, rule.field))
    return f"({index}, {names})"


def _filled(lookup: Lookup, contract: Contract, rows: str | None) -> str:
    """The query of a lookup with markers for its tables."""
    own = _marker(contract.id)
    if rows is not None and lookup.dataset == contract.id:
        # Of the dataset itself only what may stand beside the rows that are judged.
        keys, by = (", ".join(map(quote, names)) for names in (lookup.keys, lookup.by))
        own = f"(SELECT * FROM {own} WHERE ({keys}) IN (SELECT ({by}) FROM {rows}))"
    return lookup.filled(lambda dataset: own if dataset == contract.id else _marker(dataset)).replace(
        "{rows}", rows or _marker(contract.id)
    )
