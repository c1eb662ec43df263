"""A ledger that lacks entries which it once had is refused, and the entries are named; triggers come back."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest
from alembic import command
from alembic.config import Config

from returns.ledger import connect as connecting
from returns.ledger.chain import GENESIS, Act, Entry, LedgerError, LedgerLoss, moment, seal
from returns.ledger.connect import VERSION_TABLE, connect
from returns.ledger.entering import EnteredDelivery
from returns.ledger.heads import NO_ACTS, KnownHead, LedgerHead
from returns.ledger.losses import Gone
from returns.ledger.store import AnsweredWorkbook, Ledger
from tests.postgresql import Server
from tests.returns.ledger_databases import Database, PostgreSQL, SQLite

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
UNIT = "370602001"


def answer(ledger: Ledger, content: str, after_batch: str = "2026-03-01", at: datetime = AT) -> Entry:
    accepted = pl.DataFrame(
        {
            "line": [4, 5], "ticket_id": ["t4", "t5"], "dataset": "d", "rule": "r", "record_key": "k", "field": "f",
            "verdict": "v", "observed": "o", "delivered": "x", "value": content, "note": None,
        },
        schema_overrides={"note": pl.String},
    )  # fmt: skip
    refused = pl.DataFrame(
        {"line": [6], "ticket_id": ["t6"], "verdict": ["?"], "value": [""], "reason": ["答复选项不在列表中"]}
    )
    return ledger.append_replies(
        AnsweredWorkbook(
            actor="officer",
            unit_code=UNIT,
            batch="2026-03-01",
            after_batch=after_batch,
            file_name="a.xlsx",
            file_sha256=hashlib.sha256(content.encode()).hexdigest(),
            at=at,
        ),
        accepted,
        refused,
    )


def delivered(
    number: int, batch: str = "2026-03-01", status: str = "received", actor: str = "clerk"
) -> EnteredDelivery:
    return EnteredDelivery(f"E{number}", status, batch, "police.population", "a.csv", "0" * 64, actor, AT)


def ask(ledger: Ledger) -> Entry:
    return ledger.append(Act.QUERY, "analyst", "warehouse", {"sql": "SELECT 1"}, AT)


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    return tmp_path / "ledger.witness"


@pytest.fixture
def ledger(database: Database, witness: Path) -> Iterator[Ledger]:
    with Ledger.open(database.url, witness) as opened:
        opened.make_witness()  # the server's ledger was there before
        yield opened


@pytest.fixture
def four(ledger: Ledger) -> Ledger:
    """A delivery, an answer, a query, an answer."""
    ledger.enter_deliveries([delivered(1)])
    answer(ledger, "a")
    ask(ledger)
    answer(ledger, "b", at=AT + timedelta(hours=8))
    assert ledger.losses(thorough=True) == []
    return ledger


def cut(after: int) -> tuple[str, ...]:
    """Take all traces of the entries after a number out of the database."""
    tables = ("reply", "refusal", "delivery", "link")
    return (
        *(f"DELETE FROM {t} WHERE entry_seq > {after}" for t in tables),
        f"DELETE FROM entry WHERE seq > {after}",
    )


def told(ledger: Ledger, *known: KnownHead) -> str:
    with pytest.raises(LedgerLoss) as caught:
        ledger.refuse_losses(known)
    return str(caught.value)


# --- the witness -----------------------------------------------------------------------------------


def test_the_witness_has_a_line_for_each_entry_and_nothing_of_an_answer(four: Ledger, witness: Path) -> None:
    lines = [json.loads(line) for line in witness.read_text(encoding="utf-8").splitlines()]
    entries = four.entries()
    assert [(line["seq"], line["kind"], line["hash"]) for line in lines] == [
        (entry.seq, entry.kind.value, entry.hash) for entry in entries
    ]
    assert [line.get("number") for line in lines] == [1, 2, None, 3]
    assert set().union(*lines) == {"seq", "at", "kind", "subject", "hash", "number", "link"}


def test_the_last_entry_deleted_is_named_with_what_it_was(four: Ledger, database: Database) -> None:
    database.tamper(*cut(3))
    assert four.verify() == [], "inside, it leaves no trace"
    assert "台账末尾缺少第 4 条；第 4 条：核实答复，370602001，2026-03-02 17:30:00" in told(four)
    with pytest.raises(LedgerLoss):
        ask(four)
    assert len(four.entries()) == 3, "nothing is entered in the place of what is gone"


def test_a_ledger_that_is_gone_is_named(tmp_path: Path) -> None:
    url, witness = f"sqlite:///{tmp_path / 'ledger.sqlite'}", tmp_path / "ledger.witness"
    with Ledger.open(url, witness) as ledger:
        answer(ledger, "a")
    for path in tmp_path.glob("ledger.sqlite*"):
        path.unlink()
    with Ledger.open(url, witness) as ledger:
        assert "台账是空的，缺少第 1 条；第 1 条：核实答复" in told(ledger)


def test_an_older_copy_that_went_on_is_named(four: Ledger, database: Database) -> None:
    database.tamper(*cut(1))
    with Ledger.open(database.url) as without:
        answer(without, "c")
        answer(without, "d")
        answer(without, "e")
        answer(without, "f")
    assert "不符的是第 2 至 4 条" in told(four)


def test_a_chain_recomputed_from_some_entry_on_is_named(four: Ledger, database: Database) -> None:
    """Another actor in entry 3, and every hash after it made to fit."""
    statements, previous = [], four.entries()[1].hash
    for entry in four.entries()[2:]:
        fields = {
            "seq": entry.seq, "at": moment(entry.at), "actor": "another", "kind": entry.kind.value,
            "subject": entry.subject, "digest": entry.digest,
            "detail": json.dumps(entry.detail, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
        }  # fmt: skip
        hash_ = seal(previous, fields)
        statements.append(
            f"UPDATE entry SET actor = 'another', previous = '{previous}', hash = '{hash_}' WHERE seq = {entry.seq}"
        )
        previous = hash_
    database.tamper(*statements)
    assert four.verify() == []
    assert "不符的是第 3 至 4 条；第 3 条：查询，warehouse" in told(four)


def test_an_entry_in_the_middle_and_an_answer_out_of_a_workbook_are_named(
    four: Ledger, database: Database
) -> None:
    database.tamper("DELETE FROM entry WHERE seq = 3", "DELETE FROM reply WHERE entry_seq = 2 AND line = 5")
    said = told(four)
    assert "台账中间缺少第 3 条；第 3 条：查询" in said
    assert "台账第 2 条登记了 2 行（reply），现有 1 行" in said


def test_a_ledger_ahead_of_its_witness_is_caught_up_with_also_behind_a_torn_line(
    four: Ledger, database: Database, witness: Path
) -> None:
    whole = witness.read_bytes()
    with Ledger.open(database.url) as without:
        ask(without)
    witness.write_bytes(whole + b'{"seq": 5, "at"')
    four.refuse_losses()
    assert witness.read_bytes().startswith(whole)
    assert [json.loads(line)["seq"] for line in witness.read_bytes().splitlines()] == [1, 2, 3, 4, 5]


def test_a_last_line_made_illegible_does_not_hide_a_loss(
    four: Ledger, database: Database, witness: Path
) -> None:
    database.tamper(*cut(2))
    witness.write_bytes(witness.read_bytes()[:-20] + b"x" * 19 + b"\n")
    assert "第 3 条" in told(four)


def test_a_witness_that_is_gone_is_not_begun_again_in_silence(
    four: Ledger, database: Database, witness: Path
) -> None:
    witness.unlink()
    with Ledger.open(database.url, witness) as again:
        ask(again)
        assert again.witness_is_missing()
        again.make_witness()
    assert len(witness.read_text(encoding="utf-8").splitlines()) == 5


def test_a_witness_cut_short_beside_a_whole_ledger_is_named_and_made_whole_on_purpose_only(
    four: Ledger, database: Database, witness: Path
) -> None:
    whole = witness.read_bytes()
    for left in (whole[: whole.index(b"\n") + 1], b""):
        witness.write_bytes(left)
        assert four.losses(thorough=True) == [], "nothing is gone from the ledger"
        assert four.witness_is_cut()
        ask(four)
        four.refuse_losses()
        assert witness.read_bytes() == left, "no other command hides it"
        four.make_witness()
        assert not four.witness_is_cut()
        assert witness.read_bytes().startswith(whole)


def test_a_ledger_and_a_witness_that_were_cut_alike_are_named(
    four: Ledger, database: Database, witness: Path
) -> None:
    database.tamper(*cut(2))
    witness.write_bytes(b"".join(witness.read_bytes().splitlines(keepends=True)[:2]))
    found = told(four)
    assert "台账末尾缺少第 3 至 4 条" in found and "--accept-loss" in found
    with pytest.raises(LedgerLoss):
        ask(four)
    four.accept_losses("处长", "误删", [], Gone(), AT)
    four.refuse_losses()
    assert not four.witness_is_cut()
    assert four.losses(thorough=True) == []


def _ask_often(url: str, witness: Path) -> None:
    with Ledger.open(url, witness) as ledger:
        for _ in range(20):
            ask(ledger)


def test_two_processes_that_write_at_once_keep_the_witness_in_order(
    ledger: Ledger, database: Database, witness: Path
) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        for done in [pool.submit(_ask_often, database.url, witness) for _ in range(2)]:
            done.result()
    lines = [json.loads(line)["seq"] for line in witness.read_text(encoding="utf-8").splitlines()]
    assert lines == list(range(1, 41))
    assert ledger.losses(thorough=True) == []


# --- heads -----------------------------------------------------------------------------------------


def test_a_link_can_be_recomputed_by_hand_from_the_database_alone(four: Ledger, database: Database) -> None:
    ((digest, detail),) = database.rows("SELECT digest, detail FROM entry WHERE seq = 1")
    body = json.dumps(
        {"detail": detail, "digest": digest, "kind": "delivery", "number": 1, "subject": "police.population"},
        ensure_ascii=False, sort_keys=True, separators=(",", ":"),
    )  # fmt: skip
    expected = hashlib.sha256((GENESIS + body).encode()).hexdigest()
    assert database.rows("SELECT number, entry_seq, previous, hash FROM link ORDER BY number")[0] == (
        1, 1, GENESIS, expected,
    )  # fmt: skip


def test_neither_queries_nor_clocks_nor_who_typed_change_the_head(tmp_path: Path) -> None:
    heads = []
    for number, hours in enumerate((0, -30)):
        with Ledger.open(f"sqlite:///{tmp_path / str(number)}.sqlite") as ledger:
            for _ in range(number * 3):
                ask(ledger)
            ledger.enter_deliveries([delivered(1, actor=f"clerk {number}")])
            ask(ledger)
            answer(ledger, "a", at=AT + timedelta(hours=hours))
            heads.append((ledger.head(), ledger.replies()["act"].to_list()))
    assert heads[0] == heads[1]


def test_the_head_of_a_batch_stays_when_later_acts_come(ledger: Ledger) -> None:
    assert ledger.head("2026-03-01") == NO_ACTS
    ledger.enter_deliveries([delivered(1), delivered(2, status="set_aside")])
    first = ledger.head("2026-03-01")
    assert first.number == 1, "what was set aside is in no batch"
    answer(ledger, "a", after_batch="2026-03-01")
    ask(ledger)
    ledger.enter_deliveries([delivered(3, "2026-03-02")])
    answer(ledger, "b", after_batch="2026-03-02")
    assert ledger.head("2026-03-01") == first
    assert [ledger.head(day).number for day in ("2026-03-02", "2026-03-03")] == [4, 5]
    assert ledger.head().number == 5


def test_heads_outside_show_a_loss_without_a_witness(four: Ledger, database: Database, witness: Path) -> None:
    known = KnownHead("warehouse.duckdb", four.head())
    witness.unlink()
    assert four.losses([known]) == []
    database.tamper(*cut(2))
    assert "台账缺少交付与答复的第 3 条，warehouse.duckdb中还记着第 3 条的校验值" in told(four, known)


def test_a_delivery_is_entered_once_for_each_state(ledger: Ledger) -> None:
    assert ledger.enter_deliveries([delivered(1), delivered(2)]) == 2
    assert ledger.enter_deliveries([delivered(2), delivered(2, status="confirmed"), delivered(3)]) == 2
    assert [entry.detail["extract_id"] for entry in ledger.entries()] == ["E1", "E2", "E2", "E3"]
    assert ledger.verify() == []


# --- a loss accepted -------------------------------------------------------------------------------


def test_an_accepted_loss_says_who_why_and_which_and_the_ledger_goes_on(
    four: Ledger, database: Database, witness: Path
) -> None:
    published = KnownHead("批次 2026-03-02 的返还包", four.head())
    database.tamper(
        *cut(2), "DELETE FROM entry WHERE seq = 1", "DELETE FROM delivery", "DELETE FROM link WHERE number=1"
    )
    entry = four.accept_losses("director", "磁盘损坏", [published], Gone(), AT)
    assert entry is not None
    assert (entry.seq, entry.kind, entry.actor) == (3, Act.LOSS, "director")
    assert entry.detail["reason"] == "磁盘损坏"
    lost = entry.detail["lost"]
    assert isinstance(lost, list)
    assert [(line["seq"], line["kind"]) for line in lost] == [(1, "delivery"), (3, "query"), (4, "reply")]
    assert four.losses([published], thorough=True) == []
    assert four.verify() == []
    answer(four, "b")
    four.refuse_losses([published])
    assert four.accept_losses("director", "又一次", [published], Gone(), AT) is None, (
        "nothing is gone any more"
    )
    database.tamper(*cut(3))
    assert "第 4 条：核实答复" in told(four), "what comes after is watched as before"


def test_a_loss_is_not_accepted_without_a_reason(four: Ledger, database: Database) -> None:
    database.tamper(*cut(2))
    with pytest.raises(LedgerError, match="reason"):
        four.accept_losses("director", " ", [], Gone(), AT)


# --- triggers --------------------------------------------------------------------------------------


def drop(database: Database, *tables: str) -> None:
    if isinstance(database, SQLite):
        database.change(
            *(f"DROP TRIGGER {t}_no_{verb}" for t in tables for verb in ("UPDATE", "DELETE", "replace"))
        )
    else:
        database.change(*(f"DROP TRIGGER {t}_append_only ON {t}" for t in tables))


@pytest.mark.parametrize("table", ["entry", "reply", "refusal", "delivery", "link"])
def test_triggers_that_were_dropped_are_named_and_restored_on_opening(
    four: Ledger, database: Database, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    drop(database, table)
    with Ledger.open(database.url) as again:
        assert all(name.startswith(f"{table}_") for name in again.triggers.restored)
        assert again.triggers.restored and not again.triggers.missing
        assert again.triggers.restored[0] in caplog.text
    with pytest.raises(database.refusals, match="append-only"):
        database.change(
            f"DELETE FROM {table}" if isinstance(database, SQLite) else f"TRUNCATE {table} CASCADE"
        )
    with Ledger.open(database.url) as again:
        assert str(again.triggers) == ""


def test_a_trigger_that_does_nothing_is_no_trigger(four: Ledger, database: Database) -> None:
    if isinstance(database, SQLite):
        database.change(
            "DROP TRIGGER entry_no_DELETE",
            "CREATE TRIGGER entry_no_DELETE BEFORE DELETE ON entry BEGIN SELECT 1; END",
        )
    else:
        database.change("ALTER TABLE entry DISABLE TRIGGER entry_append_only")
    with Ledger.open(database.url) as again:
        assert len(again.triggers.restored) == 1
    with pytest.raises(database.refusals, match="append-only"):
        database.change("DELETE FROM entry WHERE seq = 4")


def test_a_function_that_lets_changes_pass_is_replaced(server: Server) -> None:
    database = PostgreSQL(server.database())
    Ledger.open(database.url).close()
    nothing = "RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
    database.change(f"CREATE OR REPLACE FUNCTION ledger_append_only() {nothing}")
    with Ledger.open(database.url) as ledger:
        assert len(ledger.triggers.restored) == 5
        ask(ledger)
    with pytest.raises(psycopg.Error, match="append-only"):
        database.change("DELETE FROM entry")


def test_an_account_that_may_not_create_triggers_names_them_and_who_may(server: Server) -> None:
    owner = PostgreSQL(server.database())
    Ledger.open(owner.url).close()
    drop(owner, "reply")
    tables = "entry, reply, refusal, delivery, link"
    owner.change(
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN",
        f"GRANT SELECT ON ledger_version, {tables} TO reader",
        f"GRANT INSERT ON {tables} TO reader",
    )
    with Ledger.open(owner.url.replace("postgres:@", "reader:@")) as limited:
        assert limited.triggers.missing == ("reply_append_only",)
        assert "属主的账号运行一次 zhenjie doctor" in str(limited.triggers)
        ask(limited)
    with Ledger.open(owner.url) as ledger:
        assert ledger.triggers.restored == ("reply_append_only",)


# --- ledgers of before -----------------------------------------------------------------------------


@pytest.fixture
def old(database: Database) -> Database:
    """A ledger at revision 0001, in which a query lies between a delivery without rows and an answer."""
    engine = connect(database.url)
    config = Config()
    config.set_main_option("script_location", str(connecting._MIGRATIONS))
    config.attributes["version_table"] = VERSION_TABLE
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    previous = GENESIS
    for seq, (kind, subject) in enumerate((("delivery", "d"), ("query", "warehouse"), ("reply", UNIT)), 1):
        fields = {
            "seq": seq, "at": moment(AT), "actor": "a", "kind": kind, "subject": subject, "detail": "{}",
            "digest": hashlib.sha256(b"{}").hexdigest(),
        }  # fmt: skip
        hash_ = seal(previous, fields)
        values = ", ".join(repr(value) for value in (*fields.values(), previous, hash_))
        names = "seq, at, actor, kind, subject, detail, digest, previous, hash"
        database.change(f"INSERT INTO entry ({names}) VALUES ({values})")
        previous = hash_
    return database


def test_a_ledger_of_before_stays_verifiable_and_its_acts_keep_their_order(
    old: Database, witness: Path
) -> None:
    with Ledger.open(old.url, witness) as ledger:
        assert ledger.verify() == []
        assert ledger.losses(thorough=True) == []
        assert not ledger.witness_is_missing()
        assert old.rows("SELECT number, entry_seq FROM link ORDER BY number") == [(1, 1), (3, 3)]
        ask(ledger)
        answer(ledger, "a")
        # In tickets of before, an answer's order is its entry's number: new ones must come after.
        assert ledger.replies()["act"].to_list() == [4, 4]
        assert ledger.verify() == []


def test_a_file_swapped_for_an_older_copy_is_named_though_it_is_sound(tmp_path: Path) -> None:
    file, witness = tmp_path / "ledger.sqlite", tmp_path / "ledger.witness"
    with Ledger.open(f"sqlite:///{file}", witness) as ledger:
        answer(ledger, "a")
        with closing(sqlite3.connect(file)) as now, closing(sqlite3.connect(tmp_path / "copy")) as copy:
            now.backup(copy)
        answer(ledger, "b")
    for path in tmp_path.glob("ledger.sqlite*"):
        path.unlink()
    shutil.copyfile(tmp_path / "copy", file)
    with Ledger.open(f"sqlite:///{file}", witness) as ledger:
        assert ledger.verify() == []
        assert "台账末尾缺少第 2 条" in told(ledger)


def test_a_head_is_written_and_read_as_one_text() -> None:
    head = LedgerHead(7, "a" * 64)
    assert LedgerHead.parse(str(head)) == head
    with pytest.raises(ValueError, match="no head"):
        LedgerHead.parse("7:abc")
