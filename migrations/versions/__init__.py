"""Revisions, oldest first by number. A revision that was released never changes."""
