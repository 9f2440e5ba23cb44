"""Every way in, and no rule: the command line, HTTP, the Python client."""
