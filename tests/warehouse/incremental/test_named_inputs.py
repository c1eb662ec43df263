"""Whatever a query of the platform reads is named among the inputs of the table that it makes.

The statements of two turns are written down as they run. What each reads, by way of temporary tables too, is told by
DuckDB's own parser, and is looked for in the manifest of the partition that it writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from assets.platform import Platform
from quality.published import quality_tables
from sample_city.generate import plan_city
from schemas.contract.selection import select
from warehouse.engine.connection import Engine
from warehouse.lake.layers import Layer
from warehouse.publish.catalogue import governance_tables

# Three weeks apart, so that people move.
DAYS = (date(2026, 3, 2), date(2026, 3, 23))
DATASETS = (
    "police.population", "health.death", "medical_insurance.enrolment", "human_resources.employment",
    "market_regulation.enterprise", "housing.dwelling",
)  # fmt: skip
MADE = re.compile(
    r'CREATE OR REPLACE TEMP TABLE "(?P<made>[^"]+)" AS (?P<rows>.*)'
    r'|INSERT INTO "(?P<filled>[^"]+)" (?P<more>.*)'
    r"|COPY \((?P<written>.*)\) TO '[^']*/lake/(?P<layer>\w+)/(?P<table>[\w.]+)/batch=(?P<day>[\d-]+)/[^']*'",
    re.S,
)
FILE = re.compile(r"/lake/(\w+)/([\w.]+)/batch=")
# Frames that hold the content of inputs, and tables that hold delivered files.
FRAMES = {"corrections": "value:corrections", "ticket_rows": "value:previous"}
DELIVERED = re.compile(r"delivered_\d+( lines)?|same")


@dataclass
class Recorder:
    """What every temporary table and every written partition reads: names of inputs, without those of files."""

    codes_macros: frozenset[str]
    library: frozenset[str]
    tables: dict[str, set[str]] = field(default_factory=dict)
    frames: set[str] = field(default_factory=set)
    written: dict[tuple[str, str, date], set[str]] = field(default_factory=dict)

    def note(self, connection: Any, statement: str) -> None:
        found = MADE.match(statement)
        if found is None:
            return
        query = found["rows"] or found["more"] or found["written"]
        reads = self.reads(connection, query)
        if found["written"]:
            self.written[found["layer"], found["table"], date.fromisoformat(found["day"])] = reads
        elif found["made"]:
            self.tables[found["made"]] = reads
        else:
            self.tables[found["filled"]] |= reads

    def reads(self, connection: Any, query: str) -> set[str]:
        relations, functions = parsed(connection, query)
        reads = {f"table:{layer}/{table}" for layer, table in FILE.findall(query)}
        for schema, name in relations:
            if schema:
                reads.add("program:codes" if schema == "codes" else f"{schema}.{name}")
            elif name in self.frames:
                reads.add(FRAMES.get(name, f"frame {name}"))
            elif not DELIVERED.fullmatch(name):
                reads |= self.tables.get(name, {f"relation {name}"})
        if functions & self.codes_macros:
            reads.add("program:codes")
        if functions & self.library:
            reads.add("program:functions")
        return reads


def parsed(connection: Any, query: str) -> tuple[set[tuple[str, str]], set[str]]:
    """The relations that a query reads, with their schemas, and the functions that it calls."""
    [(text,)] = connection.execute("SELECT json_serialize_sql(CAST(? AS VARCHAR))", [query]).fetchall()
    tree = json.loads(text)
    assert not tree["error"], (tree, query[:500])
    relations: set[tuple[str, str]] = set()
    functions: set[str] = set()
    named: set[str] = set()
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            if node.get("type") == "BASE_TABLE":
                relations.add((node["schema_name"], node["table_name"]))
            if node.get("class") == "FUNCTION":
                functions.add(node["function_name"])
            named |= {entry["key"] for entry in node.get("cte_map", {}).get("map", [])}
            todo += node.values()
        elif isinstance(node, list):
            todo += node
    return {(schema, name) for schema, name in relations if schema or name not in named}, functions


class RecordingConnection:
    """A connection that has what it runs written down."""

    def __init__(self, connection: Any, recorder: Recorder) -> None:
        self._connection, self._recorder = connection, recorder

    def execute(self, query: str, *parameters: Any) -> Any:
        self._recorder.note(self._connection, query)
        return self._connection.execute(query, *parameters)

    def register(self, name: str, rows: Any) -> Any:
        self._recorder.frames.add(name)
        return self._connection.register(name, rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class RecordingEngine:
    """An engine whose connections are recorded."""

    def __init__(self, engine: Engine, recorder: Recorder) -> None:
        self._engine, self._recorder = engine, recorder

    @contextmanager
    def connect(self) -> Iterator[RecordingConnection]:
        with self._engine.connect() as connection:
            yield RecordingConnection(connection, self._recorder)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def functions_of(engine: Engine) -> tuple[frozenset[str], frozenset[str]]:
    """The functions of the platform that read code tables, by way of others too; and all of them."""
    with engine.connect() as connection:
        macros = dict(
            connection.execute(
                "SELECT function_name, string_agg(macro_definition, ' ') FROM duckdb_functions() "
                "WHERE NOT internal AND macro_definition IS NOT NULL GROUP BY ALL"
            ).fetchall()
        )
        library = {
            name
            for (name,) in connection.execute(
                "SELECT function_name FROM duckdb_functions() WHERE NOT internal"
            ).fetchall()
        }
    reading = {name for name, text in macros.items() if re.search(r"\bcodes\.", text)}
    while True:
        calls = re.compile(rf"\b({'|'.join(map(re.escape, reading))})\(")
        more = {name for name, text in macros.items() if calls.search(text)} - reading
        if not more:
            return frozenset(reading), frozenset(library)
        reading |= more


@dataclass(frozen=True)
class Recorded:
    platform: Platform
    recorder: Recorder


@pytest.fixture(scope="module")
def recorded(
    engine: Engine,
    install: Callable[[Path], Platform],
    walk_in: Callable[[Path, Path], Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Recorded:
    """Two turns of some datasets."""
    folder = tmp_path_factory.mktemp("recorded")
    recorder = Recorder(*functions_of(engine))
    platform = install(folder / "home")
    library = select(platform.library, DATASETS)
    walk = walk_in(folder / "home", folder / "sample")
    platform = replace(platform, library=library, engine=RecordingEngine(engine, recorder))  # type: ignore[arg-type]
    walk = replace(walk, platform=platform)
    city = plan_city(600, 1)
    for number, day in enumerate(DAYS):
        city.generate(folder / "sample" / day.isoformat(), day, since=DAYS[number - 1] if number else None)
        walk.deliver(day)
        walk.turn(day)
    return Recorded(platform, recorder)


def test_what_makes_a_table_is_named_among_its_inputs(recorded: Recorded) -> None:
    lake, missing = recorded.platform.lake, {}
    for (layer, table, day), reads in recorded.recorder.written.items():
        if layer in (Layer.PLACE, Layer.HISTORY):
            continue  # made beside another table, from its inputs
        partition = lake.partition(Layer(layer), table, day)
        assert partition is not None
        named = {*partition.inputs, f"table:{layer}/{table}"}
        if any(name.startswith("value:extract_file/") for name in named):
            named.add(f"table:extract/{table}")
        if reads - named:
            missing[layer, table, day.isoformat()] = sorted(reads - named)
    assert missing == {}


def test_the_recorder_sees_tables_of_every_layer_and_what_they_read(recorded: Recorded) -> None:
    written = recorded.recorder.written
    assert {layer for layer, _, _ in written} >= {"extract", "standard", "finding", "ticket", "governance"}
    population = written["standard", "police.population", DAYS[0]]
    assert {"table:extract/police.population", "program:codes", "program:functions"} <= population
    assert "table:standard/health.death" in written["finding", "police.population", DAYS[0]]
    assert "table:finding/agreement.person" in written["governance", "person", DAYS[1]], "an amended table"


def test_a_published_query_reads_nothing_but_files_of_the_lake_and_published_tables(
    recorded: Recorded,
) -> None:
    """Its text is all that a publication knows of it: a code table or a frame would change unseen."""
    recorder, platform = recorded.recorder, recorded.platform
    with platform.open_batch(DAYS[1]) as opened:
        tables = [*governance_tables(opened), *quality_tables(opened, platform.published_batches)]
        published = {tuple(table.standard.id.split(".")) for table in tables}
        asked = 0
        for table in tables:
            for query in table.parts.values():
                if isinstance(query, str):
                    relations, functions = parsed(opened.connection, query)
                    assert relations <= (published if table.view else set()), table.standard.id
                    assert not functions & recorder.library, table.standard.id
                    asked += 1
    assert asked > len(DAYS) + 3
