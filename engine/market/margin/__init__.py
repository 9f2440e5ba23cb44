"""Margin of derivative accounts: a pricing model, integer tables made with it, and an exact engine that reads only those."""
