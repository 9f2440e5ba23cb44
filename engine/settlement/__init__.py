"""Settlement: winners become transactions, are dispatched to nodes of chains, and come back as fills and postings."""
