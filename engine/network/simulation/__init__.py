"""The queueing simulator: what the dispatch policies do to waiting times, in seeded worlds. Needs the extra `network`."""
