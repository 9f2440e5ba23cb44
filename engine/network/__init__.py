"""Nodes, health, queues, dispatching and what it costs to wait."""
