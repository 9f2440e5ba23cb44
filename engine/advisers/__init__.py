"""Advice on large selections, by CP-SAT and linear programs. Nothing here is trusted: engine.auction.proof checks it."""
