"""Deliveries, and the chain over the acts that the data follows from, which queries do not lengthen.

A revision is history: it repeats the tables as they were then and imports nothing of ours. Entries that are there are
left as they are; each delivery and each answered workbook among them gets its link, numbered by its `seq`.
"""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("delivery", "link")
LINKED = ("delivery", "reply")
GENESIS = "0" * 64

POSTGRESQL_TRIGGER = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()
"""

SQLITE_TRIGGER = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: {verb} on {table} refused'); END
"""

SQLITE_REPLACE_TRIGGER = """
CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: replace on {table} refused'); END
"""

SQLITE_SAME = {
    "delivery": "entry_seq = NEW.entry_seq AND line = NEW.line"
    " OR extract_id = NEW.extract_id AND status = NEW.status",
    "link": "number = NEW.number OR entry_seq = NEW.entry_seq OR previous = NEW.previous",
}


def upgrade() -> None:
    """Make the two tables, link what is there, then set the triggers."""
    _create_delivery()
    _create_link()
    _link()
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(POSTGRESQL_TRIGGER.format(table=table))
        return
    for table in TABLES:
        for verb in ("UPDATE", "DELETE"):
            op.execute(SQLITE_TRIGGER.format(table=table, verb=verb))
        op.execute(SQLITE_REPLACE_TRIGGER.format(table=table, same=SQLITE_SAME[table]))


def downgrade() -> None:
    """Refuse: the way back is a backup.

    Raises:
        RuntimeError: Always.
    """
    raise RuntimeError("what people did is not taken back: restore a backup of the ledger")


def _create_delivery() -> None:
    entry = sa.ForeignKey("entry.seq")
    op.create_table(
        "delivery",
        sa.Column("entry_seq", sa.Integer, entry, primary_key=True, autoincrement=False),
        sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("extract_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("batch", sa.Text, nullable=False),
        sa.Column("dataset", sa.Text),
        sa.Column("file_sha256", sa.Text, nullable=False),
        sa.UniqueConstraint("extract_id", "status", name="delivery_once"),
        sqlite_strict=True,
    )


def _create_link() -> None:
    op.create_table(
        "link",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("entry_seq", sa.Integer, sa.ForeignKey("entry.seq"), nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.CheckConstraint("number >= 1", name="link_number_from_one"),
        sa.UniqueConstraint("entry_seq", name="link_entry_once"),
        sa.UniqueConstraint("previous", name="link_previous_once"),
        sqlite_strict=True,
    )


def _link() -> None:
    bind = op.get_bind()
    entry = sa.table("entry", *map(sa.column, ("seq", "kind", "subject", "detail", "digest")))
    link = sa.table("link", *map(sa.column, ("number", "entry_seq", "previous", "hash")))
    linked = sa.select(entry).where(entry.c.kind.in_(LINKED)).order_by(entry.c.seq)
    previous, rows = GENESIS, []
    for found in bind.execute(linked):
        fields = {"number": found.seq, **found._asdict()}
        del fields["seq"]
        body = json.dumps(fields, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        hash_ = hashlib.sha256((previous + body).encode()).hexdigest()
        rows.append({"number": found.seq, "entry_seq": found.seq, "previous": previous, "hash": hash_})
        previous = hash_
    if rows:
        bind.execute(link.insert(), rows)
