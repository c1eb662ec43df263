"""The acceptance gate: a candidate warehouse against its suite, before it is switched in.

Here and nowhere else is Great Expectations imported; importing this module takes seconds, so
callers choose when. What is checked stands in quality/acceptance/acceptance.yaml, how that file is read in
`quality.acceptance.suite`. Building the candidate and switching it in belong to the publication.
"""

from __future__ import annotations

import itertools
import logging
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# SQLAlchemy and Jinja import these two by name when they first use them: in a step's thread, were they not here.
import duckdb_engine  # noqa: F401
import great_expectations as gx
import jinja2.ext  # noqa: F401
from great_expectations.compatibility.pydantic import ValidationError
from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)
from great_expectations.data_context.data_context.context_factory import set_context
from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.registry import get_expectation_impl
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view.view import DefaultJinjaPageView
from sqlalchemy import event
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlglot import exp

from quality.acceptance.suite import GateCheck, Suite, SuiteError, TableChecks
from warehouse.engine.connection import confine
from warehouse.home.encryption import NO_KEYS, Keys, attach
from warehouse.publish.switch import open_database

TABLE_EXISTS = "table_exists"
FRAMES = Path(__file__).with_name("data_docs")
NAME = re.compile(r"\w[\w.-]*")

# Counts only. With the samples at zero, Great Expectations' queries for them end in LIMIT 0.
RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
# Every expectation a suite may use reads aggregates of one row; only the sample of an
# unexpected_rows_query is longer, and there Great Expectations itself stops at 200.
BUFFERED_ROWS = 200

Limits = Mapping[str, str | int]
NO_LIMITS: Limits = {}


@dataclass(frozen=True)
class FailedCheck:
    """One check the candidate did not pass.

    `observed` says in Chinese what was found, as counts and names of columns, never as values.
    `expectation` is Great Expectations' name, or `table_exists` for a table that is missing.
    """

    table: str
    expectation: str
    column: str | None
    observed: str
    meaning: str


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate may be published: checks run, checks failed, the report's first page."""

    passed: bool
    checks: int
    failed: tuple[FailedCheck, ...]
    report: Path


@dataclass(frozen=True)
class _Outcome:
    """What became of one table of the suite; `result` is missing if the table is."""

    table: TableChecks
    checks: int
    failed: tuple[FailedCheck, ...]
    result: ExpectationSuiteValidationResult | None = None


@dataclass(frozen=True)
class Opening:
    """How warehouse files are opened: what may be used of the machine, and what they may be encrypted with."""

    limits: Limits = field(default_factory=dict)
    keys: Keys = NO_KEYS


def accept(
    candidate: Path,
    docs: Path,
    *,
    previous: Path | None = None,
    name: str,
    suite: Suite,
    opening: Opening = Opening(),  # frozen
) -> Verdict:
    """Check a candidate warehouse and keep the report.

    The candidate is opened read-only, and closed when this returns. An optional table that the
    candidate does not have is left out, unless the previous warehouse has it.

    Args:
        candidate: The new DuckDB file, closed.
        docs: The folder of all reports; this one becomes its subfolder `name`, in place of an
            earlier one.
        previous: The published DuckDB file to set row counts against; None for the first
            publication, or to let a deliberate loss of rows pass.
        name: What the report is called, such as the batch; a plain folder name.
        suite: What is checked.
        opening: How the candidate and the previous warehouse are opened.

    Raises:
        SuiteError: the suite cannot be used; says the file and the line.
        ValueError: `name` is not a plain folder name.
        duckdb.Error: a warehouse file cannot be opened or read.
        WrongKey: one is encrypted with none of the keys.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a plain folder name")
    tables = suite.tables
    for table in tables:  # what is wrong with the suite shows before a file is opened
        _expectations(table.checks, suite.path, previous_rows=0)
    columns = _columns(candidate, opening.keys)
    before = _row_counts(previous, tables, opening.keys) if previous else {}
    with _quiet(), _opened(candidate, opening.limits, opening.keys) as source:
        outcomes = [_outcome(table, source, columns, before, suite.path) for table in tables]
        report = _write_report(docs, name, outcomes)
    failed = tuple(check for outcome in outcomes for check in outcome.failed)
    return Verdict(not failed, sum(outcome.checks for outcome in outcomes), failed, report)


def _outcome(
    table: TableChecks,
    source: SQLDatasource,
    columns: Mapping[str, Sequence[str]],
    before: Mapping[str, int],
    suite: Path,
) -> _Outcome:
    expected = not table.optional or table.name in before
    if table.name not in columns:
        missing = FailedCheck(table.name, TABLE_EXISTS, None, "缺少此表", f"应有表：{table.title}")
        return _Outcome(table, int(expected), (missing,) if expected else ())
    known = {*columns, *(f"{name}.{column}" for name in columns for column in columns[name])}
    checks = [
        check
        for check in table.checks
        if known.issuperset(check.needs) and (table.name in before or not check.compares)
    ]
    # A query asset, as Great Expectations cannot reflect a DuckDB table outside the default schema.
    asset = source.add_query_asset(table.name, _select("*", table.name))
    batch = asset.add_batch_definition_whole_table(table.name).get_batch()
    expectations = _expectations(checks, suite, before.get(table.name, 0))
    result = batch.validate(
        gx.ExpectationSuite(name=table.name, expectations=expectations), result_format=RESULT_FORMAT
    )
    failed = _failed(table.name, checks, result, columns[table.name])
    return _Outcome(table, int(expected) + len(checks), failed, result)


def _expectations(checks: Sequence[GateCheck], suite: Path, previous_rows: int) -> list[Expectation]:
    """The checks in Great Expectations' terms, each with its place in the list."""
    expectations = []
    for place, check in enumerate(checks):
        kind = get_expectation_impl(check.expectation)
        facts: dict[str, Any] = {"description": check.meaning, "meta": {"place": place}}
        try:
            expectations.append(kind(**check.resolved(previous_rows), **facts))
        except ValidationError as error:
            first = error.errors()[0]
            argument = ".".join(str(part) for part in first["loc"])
            message = f"{check.expectation}: {argument}: {first['msg']}"
            raise SuiteError(suite, check.line, message) from error
    return expectations


def _failed(
    table: str,
    checks: Sequence[GateCheck],
    result: ExpectationSuiteValidationResult,
    columns: Sequence[str],
) -> tuple[FailedCheck, ...]:
    """The failed checks in the suite's order.

    The results lose, in place, every error message: it may quote a value.
    """
    failed = {}
    for item in result.results:
        if item.success or item.expectation_config is None:
            continue
        place = item.expectation_config.meta["place"]
        check = checks[place]
        reason = _exception(item)
        if reason:
            observed = _unevaluated(check, reason, columns)
            _redact(item, check, observed)
        else:
            observed = _observed(check, item.result, columns)
        column = ", ".join(check.columns) or None
        failed[place] = FailedCheck(table, check.expectation, column, observed, check.meaning)
    return tuple(failed[place] for place in sorted(failed))


def _unevaluated(check: GateCheck, reason: str, columns: Sequence[str]) -> str:
    missing = [column for column in check.columns if column not in columns]
    return f"缺少列{'、'.join(missing)}" if missing else f"检查未能执行（{reason}）"


def _observed(check: GateCheck, result: Mapping[str, Any], columns: Sequence[str]) -> str:
    if check.layout:
        missing = "、".join(column for column in check.layout if column not in columns)
        surplus = "、".join(column for column in columns if column not in check.layout)
        found = [f"缺少列{missing}"] * bool(missing) + [f"另有列{surplus}"] * bool(surplus)
        return "；".join(found) or "列的次序不同"
    if "unexpected_count" in result:
        return f"{result['element_count']}行中有{result['unexpected_count']}行不符合"
    return f"实际为{result['observed_value']}"


def _redact(item: ExpectationValidationResult, check: GateCheck, message: str) -> None:
    item.exception_info = {
        "raised_exception": True,
        "exception_message": message,
        "exception_traceback": "",
    }
    # The page renderer asks every check of a layout for its observed value, even without one.
    item.result = {"observed_value": []} if check.layout else {}


def _exception(item: ExpectationValidationResult) -> str | None:
    """The class of the error that kept an expectation from being evaluated, if one did."""
    info = item.exception_info or {}
    # Either one error, or one for each figure that could not be computed.
    errors = [info] if "raised_exception" in info else list(info.values())
    messages = [str(error["exception_message"]) for error in errors if error["raised_exception"]]
    if not messages:
        return None
    known = re.match(r"\(_duckdb\.(\w+)\)", messages[0])
    return known[1] if known else "Great Expectations"


def _columns(warehouse: Path, keys: Keys) -> dict[str, list[str]]:
    """Every table and view of a warehouse, `schema.table`, with its columns in order."""
    with open_database(warehouse, keys) as connection:
        rows = connection.execute(
            "SELECT table_schema || '.' || table_name, list(column_name ORDER BY ordinal_position)"
            " FROM information_schema.columns WHERE table_catalog = current_database() GROUP BY ALL"
        ).fetchall()
    return dict(rows)


def _row_counts(warehouse: Path, tables: Sequence[TableChecks], keys: Keys) -> dict[str, int]:
    """The rows of each of the suite's tables that a warehouse has."""
    present = _columns(warehouse, keys)
    with open_database(warehouse, keys) as connection:
        return {
            table.name: connection.sql(_select("count(*)", table.name)).fetchall()[0][0]
            for table in tables
            if table.name in present
        }


def _select(what: str, table: str) -> str:
    """A query over one table, `schema.table`, its name quoted."""
    schema, _, relation = table.partition(".")
    source = exp.table_(relation, db=schema, quoted=True)
    return str(exp.select(what).from_(source).sql(dialect="duckdb"))


class _Passing(EphemeralDataContext):
    """A context of one judgement. Its configuration is for nobody to read, and not written with every table added."""

    def _save_project_config(self) -> None:
        pass


@contextmanager
def _opened(candidate: Path, limits: Limits, keys: Keys) -> Iterator[SQLDatasource]:
    """The candidate as Great Expectations' data source, read-only; all connections closed after."""
    context = _Passing(
        project_config=DataContextConfig(
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        ),
    )
    set_context(context)
    offline = {"autoinstall_known_extensions": False, "autoload_known_extensions": False, **limits}
    source = context.data_sources.add_sql(
        datasource=SQLDatasource(
            name="warehouse",
            connection_string="duckdb:///:memory:",
            kwargs={"connect_args": {"config": offline}},
        )
    )
    execution = source.get_execution_engine()
    # Great Expectations knows no DuckDB; its dialect, a child of PostgreSQL's, has the same `~`.
    execution.dialect_module = postgresql
    event.listen(execution.engine, "after_cursor_execute", _buffer_rows)

    def reach_candidate(connection: Any, _record: Any) -> None:
        keys.prepare(connection)
        attach(connection, candidate, "warehouse", keys)
        connection.execute("USE warehouse")
        confine(connection)

    # A database in memory that has the candidate attached: only so can it be given a key.
    event.listen(execution.engine, "connect", reach_candidate)
    try:
        yield source
    finally:
        execution.engine.dispose()
        source.get_engine().dispose()


def _buffer_rows(
    connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> None:
    """Fetch at once: Great Expectations reads after closing the connection, when the rows are gone.

    Bounded, as it also runs `SELECT *` over a whole table merely to learn its columns.
    """
    if cursor.description:
        context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
            cursor, initial_buffer=cursor.fetchmany(BUFFERED_ROWS)
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Great Expectations' log: its errors quote the database's, which quote values."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Pages(DefaultJinjaPageView):
    """Great Expectations' page view in our frames, elements numbered: same inputs, same bytes."""

    def __init__(self) -> None:
        super().__init__(custom_views_directory=str(FRAMES))
        self._element = itertools.count(1)

    def generate_html_element_uuid(self, prefix: str | None = None) -> str:
        return f"{prefix or ''}{next(self._element)}"

    def table(self, result: ExpectationSuiteValidationResult, title: str) -> str:
        """One table's page: Great Expectations' sections in our frame."""
        document: Callable[..., Any] = ValidationResultsPageRenderer().render
        render: Callable[..., str] = self.render
        return render(document(result), template="acceptance_table.html", title=title)

    def index(self, name: str, outcomes: Sequence[_Outcome]) -> str:
        """The front page, all ours: the one of Great Expectations is drawn by scripts from afar."""
        template = self.env.get_template("acceptance_index.html")
        return template.render(name=name, outcomes=outcomes)


def _write_report(docs: Path, name: str, outcomes: Sequence[_Outcome]) -> Path:
    """Write the pages into a fresh folder, put in place of an earlier report of the same name."""
    partial = docs / f".{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    pages = _Pages()
    for outcome in outcomes:
        if outcome.result:
            page = pages.table(outcome.result, outcome.table.title)
            (partial / f"{outcome.table.name}.html").write_text(page, "utf-8")
    (partial / "index.html").write_text(pages.index(name, outcomes), "utf-8")
    folder = docs / name
    if folder.exists():
        shutil.rmtree(folder)
    partial.rename(folder)
    return folder / "index.html"
