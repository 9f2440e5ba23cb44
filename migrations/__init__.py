"""Migrations: how the database came to be as engine.store.tables says. SCHEMA.md describes it column by column."""
