"""The policies by name. A new policy is one file, one line in `POLICIES` and one in `choose_by_code`."""
