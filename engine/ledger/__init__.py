"""Accounts and double-entry postings, as pure functions over integers."""
