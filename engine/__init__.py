"""The engine: the market an auction sees, the mechanism, the ledger and the record. It never imports a solver."""
