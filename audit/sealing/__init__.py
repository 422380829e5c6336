"""Proof that the audit's lines are still the ones that were written. `audit.recording` knows nothing of it.

`stored` reads the rows as the database holds them, `checkpoints` signs them
batch by batch with the key from `keys`, `timing` decides when, `proof` checks
all of them again, and `export` writes them out for someone who has neither
this product nor its key (docs/check_audit.py).
"""
