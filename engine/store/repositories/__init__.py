"""Repositories: every query of the project, one file a subject."""
