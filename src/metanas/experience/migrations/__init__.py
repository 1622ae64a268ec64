"""Migrations of the store's tables: one file in ``versions`` per revision, forward only."""
