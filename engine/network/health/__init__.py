"""Who may be sent how much: limits, ejection, slow start, panic, spill, shedding, retries, and the log of changes."""
