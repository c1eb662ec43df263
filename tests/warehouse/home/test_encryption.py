"""Under a key files say nothing; fingerprints still follow from content; SQL reaches what it is given, no more."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.tables import TableField, TableStandard
from warehouse.engine.connection import Engine, QueryFailed, confine
from warehouse.home.encryption import Key, Keys, WrongKey, is_encrypted
from warehouse.home.folders import Home
from warehouse.home.rekey import other_keys, rekey_lake, rekey_warehouse
from warehouse.incremental.context import BatchContext
from warehouse.lake.manifest import MANIFEST
from warehouse.lake.store import Lake, Origin
from warehouse.publish.candidate import Published, build
from warehouse.publish.switch import open_database, open_published, published

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
SECRET = "王建国370602199001011234"
OUTSIDE = "机密370602198001015678"
ROWS = f"SELECT range AS x, '{SECRET}' AS name, [range] AS list FROM range(100)"
STANDARD = TableStandard("quality.finding", "问题", "说明", (TableField("rule", "string", "规则"),))


def batch_of(connection: duckdb.DuckDBPyConnection, home: Home, day: date) -> BatchContext:
    return BatchContext(connection, Lake(home.lake), Library((), ()), CodeLibrary(), day)


def key(n: int) -> Key:
    return Key(base64.b64encode(bytes([n] * 32)).decode())


ONE, TWO = key(1), key(2)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Knows two keys, which cost nothing; what a lake writes with is the lake's."""
    return Engine(tmp_path_factory.mktemp("spill"), CodeLibrary(), keys=Keys(ONE, (TWO,)))


# Keys.


@pytest.mark.parametrize(
    "text", ["", "secret", base64.b64encode(b"x" * 31).decode(), "x" * 44, "密" * 32, "AAAA\n" * 11]
)
def test_a_key_is_32_bytes_in_base64_and_no_other_is_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="32 random bytes") as refused:
        Key(text)
    assert not text or text not in str(refused.value)


def test_a_key_shows_nowhere_but_by_its_name() -> None:
    keys = Keys(ONE, (TWO,))
    assert ONE.text not in f"{keys!r} {keys} {ONE!r} {ONE}"
    assert len(ONE.id) == 12 and ONE.id != TWO.id


# The lake.


def test_a_partition_under_a_key_says_nothing_in_the_open(engine: Engine, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", Keys(ONE))
    with engine.connect() as connection:
        made = lake.write(
            connection, "standard", "a.b", MONDAY, ROWS, Origin({}, measures={"most": "max(x)"})
        )
        assert connection.execute(f"SELECT count(*), min(name) FROM {made.scan}").fetchone() == (100, SECRET)
    (path,) = made.folder.glob("*.parquet")
    content = path.read_bytes()
    assert (content[:4], content[-4:]) == (b"PARE", b"PARE")
    assert not any(part.encode() in content for part in (SECRET, "王建国", "370602199001011234"))
    assert ONE.text not in (made.folder / MANIFEST).read_text(encoding="utf-8")
    assert ONE.text not in made.scan
    assert made.facts == {"most": 99}
    # Another reader of the standard finds it encrypted too.
    with pytest.raises(OSError, match="encrypted"):
        pq.read_table(path)
    assert lake.partition("standard", "a.b", MONDAY) == made


@pytest.mark.parametrize("keys", [Keys(), Keys(TWO), Keys(None, (TWO,))])
def test_without_its_key_a_lake_is_refused_by_the_name_of_the_key(
    engine: Engine, tmp_path: Path, keys: Keys
) -> None:
    with engine.connect() as connection:
        Lake(tmp_path, Keys(ONE)).write(connection, "standard", "a.b", MONDAY, ROWS, Origin({}))
    lake = Lake(tmp_path, keys)
    for attempt in (lake.check, lambda: lake.partition("standard", "a.b", MONDAY)):
        with pytest.raises(WrongKey, match=ONE.id):
            attempt()


def test_the_fingerprint_follows_from_the_rows_and_not_from_the_bytes(engine: Engine, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", Keys(ONE))

    def made(query: str, batch: date = MONDAY) -> tuple[str, str]:
        with engine.connect() as connection:
            partition = lake.write(connection, "standard", "a.b", batch, query, Origin({}))
        return partition.fingerprint, partition.parts[0].sha256

    first, again = made(ROWS), made(ROWS, TUESDAY)
    assert first[0] == again[0] and first[1] != again[1]
    others = [
        "SELECT 1 AS a, 2 AS b",
        "SELECT 2 AS a, 1 AS b",
        "SELECT 1 AS b, 2 AS a",
        "SELECT '1' AS a, 2 AS b",
        "SELECT 1 AS a, NULL::INTEGER AS b",
        "SELECT NULL::INTEGER AS a, 1 AS b",
        "SELECT 1 AS a, 2 AS b UNION ALL SELECT 1, 2",
        "SELECT 1 AS a, 2 AS b UNION ALL SELECT 1, 2 UNION ALL SELECT 1, 2",
        "SELECT 1 AS a, 2 AS b WHERE false",
    ]
    assert len({made(query)[0] for query in others}) == len(others)


def test_a_plain_lake_is_read_on_under_a_key_and_written_anew_on_request(
    engine: Engine, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    with engine.connect() as connection:
        plain = Lake(home.lake).write(connection, "standard", "a.b", MONDAY, ROWS, Origin({"i": "1"}))
        lake = Lake(home.lake, Keys(ONE))
        sealed = lake.write(connection, "standard", "a.b", TUESDAY, ROWS, Origin({"i": "1"}))
        before = lake.as_of("standard", "a.b", MONDAY)
        assert before == plain
        both = f"SELECT count(*) FROM (FROM {plain.scan} UNION ALL FROM {sealed.scan})"
        assert connection.execute(both).fetchone() == (200,)
        assert list(other_keys(home, lake)) == [str(plain.folder)]
        assert (rekey_lake(connection, lake), rekey_lake(connection, lake)) == (1, 0)
        after = lake.as_of("standard", "a.b", MONDAY)
        assert after is not None and connection.execute(f"FROM {after.scan} EXCEPT {ROWS}").fetchall() == []
    assert (after.fingerprint, after.inputs) == (plain.fingerprint, plain.inputs)
    assert list(other_keys(home, lake)) == []
    assert not any(SECRET.encode() in path.read_bytes() for path in home.lake.rglob("*.parquet"))
    # And back: the key becomes a former one, and no other takes its place.
    with engine.connect() as connection:
        assert rekey_lake(connection, Lake(home.lake, Keys(None, (ONE,)))) == 2
    back = Lake(home.lake).as_of("standard", "a.b", MONDAY)
    assert back is not None and back.fingerprint == plain.fingerprint
    Lake(home.lake).check()


# The warehouse.


def publish(engine: Engine, home: Home, keys: Keys) -> Path | None:
    rows = pl.DataFrame({"rule": [SECRET] * 1000})
    with engine.connect() as connection:
        made = build(batch_of(connection, home, MONDAY), home, [Published(STANDARD, rows)], keys)
    if made is not None:
        made.replace(home.warehouse)
    return made


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_published_database_is_encrypted_and_a_new_key_publishes_again(engine: Engine, home: Home) -> None:
    assert publish(engine, home, Keys()) is not None
    assert not is_encrypted(home.warehouse) and SECRET.encode() in home.warehouse.read_bytes()
    assert publish(engine, home, Keys(ONE)) is not None
    assert publish(engine, home, Keys(ONE)) is None
    assert is_encrypted(home.warehouse) and SECRET.encode() not in home.warehouse.read_bytes()
    with open_published(home, Keys(TWO, (ONE,))) as first, open_published(home, Keys(ONE)) as second:
        for database in (first, second):
            assert database.execute("SELECT count(*) FROM quality.finding").fetchone() == (1000,)
        facts = second.execute("SELECT encrypted, cipher FROM duckdb_databases() WHERE encrypted").fetchall()
    assert facts == [(True, "GCM")]
    for keys in (Keys(), Keys(TWO)):
        with pytest.raises(WrongKey, match="ZHENJIE_KEY") as refused:
            open_published(home, keys)
        assert not any(k.text in str(refused.value) for k in (ONE, TWO))


def test_a_published_database_takes_the_present_key_with_all_its_comments(engine: Engine, home: Home) -> None:
    def comments() -> list[tuple[object, ...]]:
        with open_database(home.warehouse, Keys(ONE, (TWO,))) as database:
            return database.execute(
                "SELECT table_name, comment FROM duckdb_tables() UNION ALL "
                "SELECT column_name, comment FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
            ).fetchall()

    publish(engine, home, Keys())
    before, told = comments(), published(home.warehouse)
    assert ("rule", "规则") in before
    assert [rekey_warehouse(home, keys) for keys in (Keys(ONE), Keys(ONE), Keys(TWO, (ONE,)))] == [1, 0, 1]
    assert (comments(), published(home.warehouse, Keys(TWO))) == (before, told)
    assert SECRET.encode() not in home.warehouse.read_bytes()
    assert rekey_warehouse(home, Keys(None, (TWO,))) == 1
    assert published(home.warehouse) == told


# What SQL reaches.


BEYOND = [
    "FROM read_text('{outside}')",
    "FROM '{outside}'",
    "FROM glob('{folder}/*')",
    "FROM read_csv('{folder}/*.csv')",
    "COPY (SELECT 1) TO '{folder}/written.csv'",
    "ATTACH '{folder}/written.duckdb' AS written",
    "EXPORT DATABASE '{folder}/written'",
    "INSTALL httpfs",
    "LOAD '{folder}/outside.csv'",
    "SET enable_external_access = true",
    "SET allowed_directories = ['{folder}']",
    "SET allowed_configs = ['threads']",
    "RESET lock_configuration",
    "SET threads = 1",
    "SET temp_directory = '{folder}'",
    "PRAGMA enable_external_access = true",
    "FROM read_text('{inside}/../outside.csv')",
    "SELECT getenv('HOME')",
]


def test_a_stage_s_sql_reaches_its_folders_and_nothing_else(tmp_path: Path) -> None:
    inside, outside = tmp_path / "home", tmp_path / "outside.csv"
    outside.write_text(SECRET, encoding="utf-8")
    inside.mkdir()
    (inside / "in.csv").write_text("a\n1\n", encoding="utf-8")
    with duckdb.connect() as connection:
        confine(connection, [inside])
        assert connection.execute(f"FROM read_csv('{inside}/in.csv')").fetchall() == [(1,)]
        for sql in BEYOND:
            with pytest.raises(duckdb.Error):
                connection.execute(sql.format(outside=outside, folder=tmp_path, inside=inside))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "outside.csv"]


def test_what_a_failed_query_quotes_is_not_passed_on(engine: Engine) -> None:
    def failed(sql: str) -> str:
        with pytest.raises(QueryFailed) as error, engine.connect() as connection:
            connection.execute(sql)
        assert error.value.__cause__ is None and error.value.__suppress_context__
        return str(error.value)

    assert SECRET not in failed(f"SELECT CAST('{SECRET}' AS INTEGER)")
    assert "370602199001011234" not in failed("SELECT CAST(370602199001011234 AS TINYINT)")
    assert "no_such_column" in failed("SELECT no_such_column FROM range(1)")


def test_no_function_of_the_published_database_gives_a_file_or_the_environment(
    engine: Engine, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every function that can be called with one text is."""
    publish(engine, home, Keys())
    outside = home.root / "outside.csv"
    outside.write_text(f"a\n{OUTSIDE}\n", encoding="utf-8")
    monkeypatch.setenv("OUTSIDE", OUTSIDE)
    listing = sorted(path.name for path in home.root.iterdir())
    answered = 0
    with open_published(home) as database:
        functions = database.execute(
            "SELECT DISTINCT function_name, function_type LIKE 'table%' FROM duckdb_functions() "
            "WHERE function_type IN ('scalar', 'macro', 'table', 'table_macro') "
            "AND regexp_matches(function_name, '^[a-z_0-9]+$') "
            "AND function_name NOT IN ('range', 'generate_series', 'sleep_ms')"
        ).fetchall()
        assert {"read_csv", "read_text", "glob", "query", "parquet_scan"} <= {name for name, _ in functions}
        for name, is_table in functions:
            for argument in (outside, "OUTSIDE"):
                ask: Callable[[str], str] = (lambda call: f"FROM {call}") if is_table else "SELECT {}".format
                try:
                    rows = database.execute(ask(f"{name}('{argument}')")).fetchmany(1000)
                except duckdb.Error:
                    continue
                answered += 1
                assert OUTSIDE not in str(rows), name
    assert answered > 100
    assert sorted(path.name for path in home.root.iterdir()) == listing
