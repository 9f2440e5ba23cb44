"""HTTP v1: reads requests strictly, calls the packages below, answers in JSON. No rule of the mechanism lives here."""
