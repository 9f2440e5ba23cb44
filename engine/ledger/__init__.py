"""Books: double entry over integers, with reservations. Pure: no clock, no randomness, no storage."""
