"""The ledger keeps what people did, cannot be changed unnoticed, and can be read by anyone."""

import hashlib
import multiprocessing
import re
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, insert
from sqlalchemy.exc import IntegrityError, OperationalError

from returns.ledger import audit
from returns.ledger.audit import LedgerDamage
from returns.ledger.chain import Act, Entry, LedgerError, digest
from returns.ledger.connect import VERSION_TABLE, connect
from returns.ledger.store import AnsweredWorkbook, Ledger
from returns.ledger.tables import METADATA, REFUSAL
from tests.postgresql import Server
from tests.returns.ledger_databases import Database, PostgreSQL, SQLite

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
UNIT = "370602001"
EMPTY_DIGEST = hashlib.sha256(b"{}").hexdigest()


def answers(*lines: int, value: str | None = "20") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "line": list(lines),
            "ticket_id": [f"t{line}" for line in lines],
            "dataset": "police.population",
            "rule": "married_under_age",
            "record_key": [f"k{line}" for line in lines],
            "field": "marital_status",
            "verdict": "correct",
            "observed": "20",
            "delivered": "初婚",
            "value": value,
            "note": None,
        },
        schema_overrides={"line": pl.UInt32, "value": pl.String, "note": pl.String},
    )


def refusals(*lines: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "line": list(lines),
            "ticket_id": [None for _ in lines],
            "verdict": ["?" for _ in lines],
            "value": ["" for _ in lines],
            "reason": ["答复选项不在列表中" for _ in lines],
        },
        schema_overrides={"line": pl.Int64, "ticket_id": pl.String},
    )


def take_in(
    ledger: Ledger,
    content: str,
    *,
    unit_code: str = UNIT,
    after_batch: str = "2026-03-01",
    accepted: pl.DataFrame | None = None,
    refused: pl.DataFrame | None = None,
) -> Entry:
    return ledger.append_replies(
        AnsweredWorkbook(
            actor="zhifu.officer",
            unit_code=unit_code,
            batch="2026-03-01",
            after_batch=after_batch,
            file_name="待核实_370602001.xlsx",
            file_sha256=hashlib.sha256(content.encode()).hexdigest(),
            at=AT,
        ),
        answers(7, 9) if accepted is None else accepted,
        refusals(8) if refused is None else refused,
    )


def deliver(ledger: Ledger, subject: str = "police.population", at: datetime = AT) -> Entry:
    return ledger.append(Act.DELIVERY, "police.clerk", subject, {"rows": 3}, at)


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    with Ledger.open(database.url) as opened:
        yield opened


def damages(ledger: Ledger, known: dict[int, str] | None = None) -> list[tuple[int, LedgerDamage]]:
    return [(fault.seq, fault.damage) for fault in ledger.verify(known)]


# --- what is entered -------------------------------------------------------------------------


def test_an_entry_can_be_recomputed_by_hand_from_the_database_alone(
    ledger: Ledger, database: Database
) -> None:
    deliver(ledger, at=datetime(2026, 3, 2, 9, 30, tzinfo=timezone(timedelta(hours=8))))
    body = (
        '{"actor":"police.clerk","at":"2026-03-02T01:30:00.000000+00:00",'
        '"detail":"{\\"rows\\":3}","digest":"' + EMPTY_DIGEST + '","kind":"delivery",'
        '"seq":1,"subject":"police.population"}'
    )
    expected = hashlib.sha256(b"0" * 64 + body.encode()).hexdigest()
    assert database.rows("SELECT previous, hash FROM entry") == [("0" * 64, expected)]


def test_the_digest_of_an_answered_workbook_can_be_recomputed_by_hand(ledger: Ledger) -> None:
    entry = take_in(ledger, "a", accepted=answers(7), refused=refusals(8))
    content = (
        '{"refusal":{"line":[8],"reason":["答复选项不在列表中"],"value":[""],"verdict":["?"]},'
        '"reply":{"after_batch":["2026-03-01"],"dataset":["police.population"],'
        '"delivered":["初婚"],"field":["marital_status"],"line":[7],"observed":["20"],'
        '"record_key":["k7"],"rule":["married_under_age"],"ticket_id":["t7"],'
        '"unit_code":["370602001"],"value":["20"],"verdict":["correct"]}}'
    )
    assert entry.digest == hashlib.sha256(content.encode()).hexdigest()


def test_an_entry_says_who_did_what_when_and_for_whom(ledger: Ledger) -> None:
    entry = take_in(ledger, "a")
    assert ledger.entries() == [entry]
    assert (entry.seq, entry.at, entry.actor, entry.kind, entry.subject, entry.repeated) == (
        1,
        AT,
        "zhifu.officer",
        Act.REPLY,
        UNIT,
        False,
    )
    assert entry.detail == {
        "batch": "2026-03-01",
        "file_name": "待核实_370602001.xlsx",
        "file_sha256": hashlib.sha256(b"a").hexdigest(),
        "accepted": 2,
        "refused": 1,
    }


def test_each_entry_carries_the_hash_of_the_one_before(ledger: Ledger) -> None:
    first, second, third = deliver(ledger), take_in(ledger, "a"), deliver(ledger)
    assert [first.previous, second.previous, third.previous] == [
        "0" * 64,
        first.hash,
        second.hash,
    ]
    assert ledger.verify() == []


def test_refused_answers_are_kept_with_their_reason(ledger: Ledger, database: Database) -> None:
    take_in(ledger, "a", accepted=answers(), refused=refusals(12, 5))
    assert database.rows("SELECT * FROM refusal ORDER BY line") == [
        (1, 5, None, "?", "", "答复选项不在列表中"),
        (1, 12, None, "?", "", "答复选项不在列表中"),
    ]
    assert ledger.replies().is_empty()
    assert ledger.verify() == []


def test_every_kind_of_act_has_a_chinese_title() -> None:
    assert {act.value: act.title_zh for act in Act} == {
        "query": "查询",
        "result": "查询结果",
        "delivery": "部门交付",
        "reply": "核实答复",
        "loss": "台账缺失确认",
    }


# --- replies ---------------------------------------------------------------------------------


def test_an_answer_works_only_in_batches_after_the_one_it_came_in_after(ledger: Ledger) -> None:
    take_in(ledger, "a", after_batch="2026-03-01", accepted=answers(7))
    take_in(ledger, "b", after_batch="2026-03-02", accepted=answers(8))

    def lines(until: str | None) -> list[int]:
        return ledger.replies(until)["line"].to_list()

    assert lines("2026-03-01") == []
    assert lines("2026-03-02") == [7]
    assert lines("2026-03-03") == [7, 8]
    assert lines(None) == [7, 8]


def test_answers_come_in_order_of_entry_then_line_whatever_the_order_they_were_written_in(
    ledger: Ledger, database: Database
) -> None:
    take_in(ledger, "b", accepted=answers(30, 4))
    take_in(ledger, "a", accepted=answers(2, 11, 3))
    database.tamper(
        "INSERT INTO reply SELECT entry_seq, 5, ticket_id, dataset, rule, record_key, field,"
        " verdict, observed, delivered, value, note, unit_code, after_batch"
        " FROM reply WHERE entry_seq = 1 AND line = 4",
    )
    assert ledger.replies().select("entry_seq", "line").rows() == [
        (1, 4),
        (1, 5),
        (1, 30),
        (2, 2),
        (2, 3),
        (2, 11),
    ]


def test_replies_have_the_same_columns_and_types_with_and_without_rows(ledger: Ledger) -> None:
    empty = ledger.replies()
    take_in(ledger, "a", accepted=answers(7, value=None))
    full = ledger.replies()
    assert empty.schema == full.schema
    assert full.schema["line"] == full.schema["entry_seq"] == full.schema["act"] == pl.Int64
    assert full["value"].dtype == pl.String
    assert full.row(0, named=True) == {
        "entry_seq": 1,
        "line": 7,
        "ticket_id": "t7",
        "dataset": "police.population",
        "rule": "married_under_age",
        "record_key": "k7",
        "field": "marital_status",
        "verdict": "correct",
        "observed": "20",
        "delivered": "初婚",
        "value": None,
        "note": None,
        "unit_code": UNIT,
        "after_batch": "2026-03-01",
        "act": 1,
    }


def test_the_same_file_from_the_same_unit_is_taken_in_once(ledger: Ledger) -> None:
    first = take_in(ledger, "a")
    deliver(ledger)
    again = take_in(ledger, "a", after_batch="2026-03-09")
    assert again.repeated
    assert (again.seq, again.hash) == (first.seq, first.hash)
    assert len(ledger.entries()) == 2
    assert ledger.replies().height == 2


def test_the_same_file_from_another_unit_is_another_act(ledger: Ledger) -> None:
    take_in(ledger, "a")
    assert not take_in(ledger, "a", unit_code="370602002").repeated
    assert ledger.replies().height == 4


def test_a_file_name_that_imitates_a_digest_is_not_taken_for_it(ledger: Ledger) -> None:
    sha256 = hashlib.sha256(b"b").hexdigest()
    ledger.append_replies(
        AnsweredWorkbook(
            actor="zhifu.officer",
            unit_code=UNIT,
            batch="2026-03-01",
            after_batch="2026-03-01",
            file_name=f'"file_sha256":"{sha256}"',
            file_sha256=hashlib.sha256(b"a").hexdigest(),
            at=AT,
        ),
        answers(7),
        refusals(),
    )
    assert not take_in(ledger, "b").repeated


# --- what is refused -------------------------------------------------------------------------


def test_a_line_that_occurs_twice_in_a_file_is_refused_and_nothing_is_entered(
    ledger: Ledger,
) -> None:
    with pytest.raises(LedgerError, match="a line occurs twice"):
        take_in(ledger, "a", accepted=answers(7, 7))
    assert ledger.entries() == []


def test_a_frame_without_a_needed_column_is_refused_by_its_name(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="reply: columns missing: rule, note"):
        take_in(ledger, "a", accepted=answers(7).drop("note", "rule"))
    with pytest.raises(LedgerError, match="refusal: columns missing"):
        take_in(ledger, "a", refused=pl.DataFrame())


def test_a_missing_value_is_refused_without_showing_the_row(ledger: Ledger) -> None:
    nameless = answers(7).with_columns(ticket_id=pl.lit(None, dtype=pl.String))
    with pytest.raises(LedgerError, match=r"^reply: values missing in ticket_id$"):
        take_in(ledger, "a", accepted=nameless)


def test_a_nul_character_is_refused_because_postgresql_cannot_hold_it(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="NUL"):
        take_in(ledger, "a", accepted=answers(7, value="a\0b"))


@pytest.mark.parametrize("name", ["20260301", "2026-W09-7", "2026-02-30", ""])
def test_a_batch_is_named_by_its_iso_date_only(ledger: Ledger, name: str) -> None:
    with pytest.raises(LedgerError, match="YYYY-MM-DD"):
        take_in(ledger, "a", after_batch=name)
    with pytest.raises(LedgerError, match="YYYY-MM-DD"):
        ledger.replies(name)


def test_a_time_without_a_zone_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="time zone"):
        deliver(ledger, at=datetime(2026, 3, 2))


def test_an_act_without_an_actor_or_a_subject_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="names who"):
        deliver(ledger, subject=" ")


def test_a_detail_that_is_not_plain_json_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="plain JSON"):
        ledger.append(Act.DELIVERY, "police.clerk", "police.population", {"at": AT}, AT)


def test_answers_cannot_be_entered_without_their_rows(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="append_replies"):
        ledger.append(Act.REPLY, "zhifu.officer", UNIT, {}, AT)


def test_a_database_that_is_not_for_a_ledger_is_refused() -> None:
    for url in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(LedgerError, match="in an SQLite file or PostgreSQL"):
            Ledger.open(url)


def test_an_url_that_is_none_is_refused_without_quoting_it() -> None:
    with pytest.raises(LedgerError, match="URL") as caught:
        Ledger.open("bureau:secret@host")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("driver", ["psycopg", "nosuch"])
def test_a_driver_that_is_not_installed_is_named_with_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LedgerError, match=rf"{driver} is not installed.*zhenjie\[postgres\]") as caught:
        Ledger.open(f"postgresql+{driver}://bureau:secret@host/zhenjie")
    assert "secret" not in str(caught.value)


# --- append-only -----------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["entry", "reply", "refusal"])
def test_the_database_itself_refuses_every_change(ledger: Ledger, database: Database, table: str) -> None:
    take_in(ledger, "a")
    column = "seq" if table == "entry" else "line"
    changes = [f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"]
    if isinstance(database, SQLite):
        changes.append(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
    else:
        changes.append(f"TRUNCATE {table} CASCADE")
    for change in changes:
        with pytest.raises(database.refusals, match="append-only"):
            database.change(change)
    assert ledger.verify() == []
    assert ledger.replies().height == 2


def test_the_chain_cannot_be_forked(ledger: Ledger, database: Database) -> None:
    deliver(ledger)
    with pytest.raises(database.refusals, match=r"append-only|entry_previous_once"):
        database.change(
            "INSERT INTO entry SELECT 2, at, actor, kind, subject, detail, digest, previous, 'x' FROM entry"
        )
    assert len(ledger.entries()) == 1


# --- verification ----------------------------------------------------------------------------


@pytest.fixture
def chain(ledger: Ledger, database: Database) -> Database:
    """Five entries; 2 and 4 are answered workbooks with lines 7, 8 (refused) and 9."""
    deliver(ledger)
    take_in(ledger, "a")
    deliver(ledger)
    take_in(ledger, "b")
    deliver(ledger)
    assert ledger.verify() == []
    return database


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE entry SET actor = 'another' WHERE seq = 3", [(3, LedgerDamage.ALTERED)]),
        ("UPDATE entry SET at = '2020' WHERE seq = 1", [(1, LedgerDamage.ALTERED)]),
        ("UPDATE entry SET detail = '{}' WHERE seq = 4", [(4, LedgerDamage.ALTERED)]),
        (
            "UPDATE entry SET hash = upper(hash) WHERE seq = 3",
            [(3, LedgerDamage.ALTERED), (4, LedgerDamage.UNLINKED)],
        ),
        (
            "UPDATE entry SET previous = 'x' WHERE seq = 3",
            [(3, LedgerDamage.UNLINKED), (3, LedgerDamage.ALTERED)],
        ),
        ("DELETE FROM entry WHERE seq = 3", [(3, LedgerDamage.MISSING)]),
        ("DELETE FROM entry WHERE seq IN (1, 3)", [(1, LedgerDamage.MISSING), (3, LedgerDamage.MISSING)]),
        (
            "DELETE FROM entry WHERE seq = 2",
            [(2, LedgerDamage.MISSING), (2, LedgerDamage.STRAY), (2, LedgerDamage.STRAY)],
        ),
        (
            "DELETE FROM entry WHERE seq >= 4",
            [
                (4, LedgerDamage.MISSING),
                (5, LedgerDamage.MISSING),
                (4, LedgerDamage.STRAY),
                (4, LedgerDamage.STRAY),
            ],
        ),
        ("UPDATE reply SET value = '10' WHERE entry_seq = 2 AND line = 9", [(2, LedgerDamage.ROWS)]),
        ("UPDATE reply SET note = '' WHERE entry_seq = 2 AND line = 9", [(2, LedgerDamage.ROWS)]),
        ("UPDATE reply SET line = 10 WHERE entry_seq = 4 AND line = 9", [(4, LedgerDamage.ROWS)]),
        ("DELETE FROM reply WHERE entry_seq = 4", [(4, LedgerDamage.ROWS)]),
        ("DELETE FROM refusal WHERE entry_seq = 4", [(4, LedgerDamage.ROWS)]),
        ("UPDATE refusal SET reason = '' WHERE entry_seq = 2", [(2, LedgerDamage.ROWS)]),
        ("INSERT INTO refusal VALUES (5, 1, NULL, NULL, NULL, '')", [(5, LedgerDamage.ROWS)]),
        (
            "UPDATE reply SET entry_seq = 3 WHERE entry_seq = 2 AND line = 9",
            [(2, LedgerDamage.ROWS), (3, LedgerDamage.ROWS)],
        ),
    ],
)
def test_verification_names_the_damaged_entry_and_what_is_wrong_with_it(
    ledger: Ledger, chain: Database, change: str, found: list[tuple[int, LedgerDamage]]
) -> None:
    chain.tamper(change)
    assert damages(ledger) == found


def test_verification_goes_through_a_ledger_of_any_length(
    ledger: Ledger, chain: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_WINDOW", 2)
    assert ledger.verify() == []
    chain.tamper("UPDATE reply SET value = ''", "UPDATE entry SET hash = '' WHERE seq = 5")
    assert damages(ledger) == [(2, LedgerDamage.ROWS), (4, LedgerDamage.ROWS), (5, LedgerDamage.ALTERED)]


def test_a_fault_says_what_was_found_without_any_answer_in_it(ledger: Ledger, chain: Database) -> None:
    chain.tamper(
        "DELETE FROM reply WHERE entry_seq = 2 AND line = 9",
        "DELETE FROM entry WHERE seq = 4",
        "DELETE FROM reply WHERE entry_seq = 4",
    )
    assert [fault.message for fault in ledger.verify()] == [
        "entry 2: its rows (1 of reply, 1 of refusal) are not the ones entered",
        "entry 4 is missing",
        "1 rows of refusal belong to entry 4, which is gone",
    ]


def test_several_missing_entries_are_one_fault_at_the_first(ledger: Ledger, chain: Database) -> None:
    chain.tamper("DELETE FROM entry WHERE seq < 5", "DELETE FROM reply", "DELETE FROM refusal")
    assert [(fault.seq, fault.message) for fault in ledger.verify()] == [(1, "entries 1 to 4 are missing")]


def test_an_end_cut_off_shows_only_against_a_hash_known_from_outside(ledger: Ledger, chain: Database) -> None:
    receipt = ledger.entries()[-1]
    chain.tamper("DELETE FROM link WHERE entry_seq = 5", "DELETE FROM entry WHERE seq = 5")
    assert ledger.verify() == []
    assert damages(ledger, {receipt.seq: receipt.hash}) == [(5, LedgerDamage.MISSING)]


def test_a_chain_written_anew_shows_only_against_a_hash_known_from_outside(
    tmp_path: Path, ledger: Ledger, chain: Database
) -> None:
    receipts = {entry.seq: entry.hash for entry in ledger.entries()}
    with Ledger.open(f"sqlite:///{tmp_path / 'forged.sqlite'}") as forged:
        for _ in receipts:
            deliver(forged)
        assert forged.verify() == []
        assert damages(forged, receipts) == [
            (2, LedgerDamage.REWRITTEN),
            (3, LedgerDamage.REWRITTEN),
            (4, LedgerDamage.REWRITTEN),
            (5, LedgerDamage.REWRITTEN),
        ]
    assert ledger.verify(receipts) == []


texts = st.one_of(st.none(), st.text(alphabet='a",:[]{}\\n空', max_size=4))
frames = st.lists(st.tuples(texts, texts), min_size=1, max_size=4).map(
    lambda rows: pl.DataFrame(
        {
            "line": list(range(len(rows))),
            "value": [row[0] for row in rows],
            "note": [row[1] for row in rows],
        },
        schema={"line": pl.Int64, "value": pl.String, "note": pl.String},
    )
)


@given(frames, frames)
def test_two_contents_share_a_digest_only_if_they_are_the_same(
    one: pl.DataFrame, other: pl.DataFrame
) -> None:
    assert (digest({"reply": one}) == digest({"reply": other})) == one.equals(other)
    assert digest({"reply": one}) != digest({"refusal": one})
    assert digest({"reply": one}) == digest({"reply": one.reverse()})


def test_a_column_or_table_added_later_leaves_old_digests_as_they_are() -> None:
    old = pl.DataFrame({"line": [1, 2], "value": ["a", None]})
    new = old.with_columns(added=pl.lit(None, dtype=pl.String))
    assert digest({"reply": old}) == digest({"reply": new, "added": old.clear()})


# --- the database ----------------------------------------------------------------------------


@pytest.mark.usefixtures("ledger")
def test_the_migrations_make_exactly_the_declared_tables(database: Database) -> None:
    engine = connect(database.url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_a_ledger_opened_again_goes_on_where_it_ended(database: Database) -> None:
    for seq in (1, 2):
        with Ledger.open(database.url) as ledger:
            assert deliver(ledger).seq == seq
            assert ledger.verify() == []


def test_a_ledger_of_a_newer_release_is_left_alone(database: Database) -> None:
    Ledger.open(database.url).close()
    database.change(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(LedgerError, match="9999"):
        Ledger.open(database.url)


def test_every_connection_to_sqlite_waits_for_others_and_holds_to_the_references(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    Ledger.open(url).close()
    engine = connect(url)
    with engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    engine.dispose()
    assert settings == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": 60_000,
        "synchronous": 2,
    }


def test_a_new_file_that_others_open_at_the_same_moment_is_waited_for(tmp_path: Path) -> None:
    """Many at once, for only now and then do two of them stand in each other's way."""
    start = threading.Barrier(4)

    def open_at_once(url: str) -> None:
        start.wait()
        Ledger.open(url).close()

    with ThreadPoolExecutor(4) as pool:
        for number in range(20):
            url = f"sqlite:///{tmp_path / str(number)}.sqlite"
            for done in [pool.submit(open_at_once, url) for _ in range(4)]:
                done.result()


def test_an_error_of_the_database_shows_no_values(ledger: Ledger) -> None:
    engine = ledger._engine
    with pytest.raises(IntegrityError) as caught, engine.begin() as connection:
        connection.execute(insert(REFUSAL).values(entry_seq=99, line=1, value="王", reason="r"))
    assert "王" not in str(caught.value)


def test_a_workbook_is_entered_whole_or_not_at_all(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(pl.DataFrame, "to_dicts", fail)
        with pytest.raises(OSError, match="disk full"):
            take_in(ledger, "a")
    assert ledger.entries() == []
    assert not take_in(ledger, "a").repeated


def test_a_reader_is_not_held_up_by_a_writer(ledger: Ledger, database: Database) -> None:
    take_in(ledger, "a")
    with database.lock():
        assert ledger.replies().height == 2
        assert ledger.verify() == []


def _append_many(url: str, name: str, times: int) -> None:
    with Ledger.open(url) as ledger:
        for number in range(times):
            take_in(ledger, f"{name}{number}")


def test_two_processes_that_create_and_write_one_ledger_at_once_make_one_chain(
    database: Database,
) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        for done in [pool.submit(_append_many, database.url, name, 30) for name in "ab"]:
            done.result()
    with Ledger.open(database.url) as ledger:
        assert [entry.seq for entry in ledger.entries()] == list(range(1, 61))
        assert ledger.verify() == []
        assert ledger.replies().height == 120


def test_a_file_sent_in_by_many_threads_at_once_is_entered_once(ledger: Ledger) -> None:
    start = threading.Barrier(8)
    taken: list[Entry] = []

    def send() -> None:
        start.wait()
        taken.append(take_in(ledger, "a"))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry.repeated for entry in taken) == [False] + [True] * 7
    assert len(ledger.entries()) == 1


def test_an_account_that_may_read_and_append_is_all_that_postgresql_needs(server: Server) -> None:
    url = server.database()
    Ledger.open(url).close()
    operation = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    PostgreSQL(url).change("CREATE ROLE platform LOGIN", *re.findall(r"^GRANT .*;$", operation, re.MULTILINE))
    limited = url.replace("postgres:@", "platform:@")
    with Ledger.open(limited) as ledger:
        deliver(ledger)
        take_in(ledger, "a")
        assert take_in(ledger, "a").repeated
        assert ledger.replies().height == 2
        assert ledger.verify() == []
    for change in ("DROP TRIGGER entry_append_only ON entry", "DELETE FROM refusal", "DROP TABLE reply"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            PostgreSQL(limited).change(change)


def test_a_database_server_that_is_lost_leaves_nothing_half_and_the_ledger_goes_on_when_it_is_back(
    server: Server,
) -> None:
    with Ledger.open(server.database()) as ledger:
        take_in(ledger, "a")

        def lost(_: object, __: object, statement: str, *___: object) -> None:
            if statement.startswith("INSERT INTO reply"):
                server.lose()

        event.listen(ledger._engine, "after_cursor_execute", lost)
        with pytest.raises(OperationalError):
            take_in(ledger, "b")
        with pytest.raises(OperationalError):
            ledger.replies()
        event.remove(ledger._engine, "after_cursor_execute", lost)
        server.start()
        assert len(ledger.entries()) == 1
        assert ledger.replies().height == 2
        assert not take_in(ledger, "b").repeated
        assert ledger.replies().height == 4
        assert ledger.verify() == []
