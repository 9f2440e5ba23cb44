"""The world an auction sees: assets, chains, venues, reference prices."""
