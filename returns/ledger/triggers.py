"""The triggers that make the ledger append-only: required triggers, missing triggers, and their restoration.

An account that may drop tables may also drop or replace a trigger. So each opening of a ledger checks the triggers.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from returns.ledger.tables import DELIVERY, ENTRY, LINK, REFUSAL, REPLY

_TABLES = tuple(table.name for table in (ENTRY, REPLY, REFUSAL, DELIVERY, LINK))

_SAME = {
    ENTRY.name: "seq = NEW.seq OR previous = NEW.previous",
    REPLY.name: "entry_seq = NEW.entry_seq AND line = NEW.line",
    REFUSAL.name: "entry_seq = NEW.entry_seq AND line = NEW.line",
    DELIVERY.name: "entry_seq = NEW.entry_seq AND line = NEW.line"
    " OR extract_id = NEW.extract_id AND status = NEW.status",
    LINK.name: "number = NEW.number OR entry_seq = NEW.entry_seq OR previous = NEW.previous",
}

_FUNCTION = """
CREATE OR REPLACE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % on % refused', TG_OP, TG_TABLE_NAME;
END $$
"""

# 58 is TRUNCATE (32), UPDATE (16), DELETE (8) and BEFORE (2), for each statement; see pg_trigger.h.
_POSTGRESQL = """
SELECT trigger.tgname
FROM pg_trigger AS trigger JOIN pg_proc AS function ON function.oid = trigger.tgfoid
WHERE trigger.tgrelid = to_regclass(split_part(trigger.tgname, '_append_only', 1))
  AND trigger.tgenabled IN ('O', 'A') AND trigger.tgtype = 58 AND trigger.tgqual IS NULL
  AND function.proname = 'ledger_append_only'
  AND position('RAISE EXCEPTION ''the ledger is append-only' IN function.prosrc) > 0
"""


def missing_triggers(connection: Connection) -> list[str]:
    """The names of the triggers that are not there, are switched off, or do something else.

    Args:
        connection: to a ledger of the newest revision.
    """
    if connection.dialect.name == "postgresql":
        there = set(connection.scalars(text(_POSTGRESQL)))
        return [name for name in _postgresql() if name not in there]
    found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    bodies = {name: _squeezed(sql) for name, sql in found}
    return [name for name, sql in _sqlite().items() if bodies.get(name) != _squeezed(sql)]


def restore_triggers(connection: Connection, names: list[str]) -> None:
    """Create triggers anew.

    Args:
        connection: in a transaction that no other writer is in, of an account that owns the tables.
        names: the triggers, as `missing_triggers` names them.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_FUNCTION.replace("%", "%%"))
    statements = _postgresql() if connection.dialect.name == "postgresql" else _sqlite()
    for name in names:
        table = next(table for table in _TABLES if name.startswith(f"{table}_"))
        on = f" ON {table}" if connection.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}{on}")
        connection.exec_driver_sql(statements[name])


def _postgresql() -> Mapping[str, str]:
    return {
        f"{table}_append_only": f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE"
        f" ON {table} FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
        for table in _TABLES
    }


def _sqlite() -> Mapping[str, str]:
    told = "the ledger is append-only"
    triggers = {
        f"{table}_no_{verb}": f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{told}: {verb} on {table} refused'); END"
        for table in _TABLES
        for verb in ("UPDATE", "DELETE")
    }
    return triggers | {
        f"{table}_no_replace": f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}"
        f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"
        f" BEGIN SELECT RAISE(ABORT, '{told}: replace on {table} refused'); END"
        for table, same in _SAME.items()
    }


def _squeezed(sql: str) -> str:
    return " ".join(sql.split())
