"""Every way in, and no rule: the command line (and later HTTP)."""
