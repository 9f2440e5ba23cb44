"""What people want, as pure values: outcomes, identifiers, payoffs, signatures. No input or output."""
