"""What makes the mechanism run: solver processes, the clock, settings, and the auctioneer. The effects are here."""
