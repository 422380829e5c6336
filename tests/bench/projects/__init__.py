"""What is measured: a folder each, with its settings, addresses, people, and the way in (`walk.py`).

All keep sessions and people in SQLite with the same options, run on the same Django and the same server, hash with the
same hasher, and have the same page behind the login. Everyone has an authenticator app and, where the project knows
them, a passkey; nobody has recovery codes. Each peer is set up as its documentation says, as lean as that allows; its
docstring says what was chosen and why. Settings of the four others stand on the bare project's.
"""
