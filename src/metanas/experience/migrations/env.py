"""How Alembic reaches the store: through the connection, and in the transaction, that the opening code hands over."""

from alembic import context

from metanas.experience.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
