"""Entries, replies and refusals, append-only by the database's own triggers.

A revision is history: it repeats the tables as they were then and imports nothing of ours.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = ("entry", "reply", "refusal")

POSTGRESQL_FUNCTION = """
CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % on % refused', TG_OP, TG_TABLE_NAME;
END $$
"""

POSTGRESQL_TRIGGER = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()
"""

SQLITE_TRIGGER = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: {verb} on {table} refused'); END
"""

# INSERT OR REPLACE deletes the old row without asking the delete trigger.
SQLITE_REPLACE_TRIGGER = """
CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: replace on {table} refused'); END
"""

SQLITE_SAME = {
    "entry": "seq = NEW.seq OR previous = NEW.previous",
    "reply": "entry_seq = NEW.entry_seq AND line = NEW.line",
    "refusal": "entry_seq = NEW.entry_seq AND line = NEW.line",
}


def upgrade() -> None:
    """Make the three tables and their triggers."""
    _create_entry()
    _create_rows()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(POSTGRESQL_FUNCTION)
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


def _create_entry() -> None:
    op.create_table(
        "entry",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in (
                "at",
                "actor",
                "kind",
                "subject",
                "detail",
                "digest",
                "previous",
                "hash",
            )
        ),
        sa.CheckConstraint("seq >= 1", name="entry_seq_from_one"),
        sa.UniqueConstraint("previous", name="entry_previous_once"),
        sqlite_strict=True,
    )
    op.create_index("entry_kind_subject", "entry", ["kind", "subject"])


def _create_rows() -> None:
    op.create_table(
        "reply",
        *_row_key(),
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("record_key", sa.Text, nullable=False),
        sa.Column("field", sa.Text),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("observed", sa.Text),
        sa.Column("delivered", sa.Text),
        sa.Column("value", sa.Text),
        sa.Column("note", sa.Text),
        sa.Column("unit_code", sa.Text, nullable=False),
        sa.Column("after_batch", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "refusal",
        *_row_key(),
        sa.Column("ticket_id", sa.Text),
        sa.Column("verdict", sa.Text),
        sa.Column("value", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sqlite_strict=True,
    )


def _row_key() -> tuple[sa.Column[int], ...]:
    entry = sa.ForeignKey("entry.seq")
    return (
        sa.Column("entry_seq", sa.Integer, entry, primary_key=True, autoincrement=False),
        sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
    )
