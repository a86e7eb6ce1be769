"""Steps that are kept by content, runs that survive a kill, and the record of what was done."""
