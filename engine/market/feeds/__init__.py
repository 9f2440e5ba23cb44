"""Outside formats turned into problems, one file a format; each counts what it kept and what it refused."""
