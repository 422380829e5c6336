"""Proof that the lines of the audit are those that were written. Recording knows nothing of it.

`stored` reads the rows as the database holds them, `checkpoints` signs batch
after batch of them with the key of `keys`, `timing` says when, `proof` looks
at all of it again, and `export` hands it to somebody who has neither the
product nor the key (docs/check_audit.py).
"""
