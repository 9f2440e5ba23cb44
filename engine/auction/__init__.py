"""The mechanism, as pure functions: problem, solution, verify, score, select."""
