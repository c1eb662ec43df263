"""Alembic's entry point: run the revisions on the connection and transaction that are handed in.

Started by `returns.ledger.connect.migrate` only; there is no alembic.ini and no offline mode.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
)
context.run_migrations()
