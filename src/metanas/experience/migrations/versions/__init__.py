"""The revisions of the store's tables, the oldest first."""
