"""How often somebody may guess: one budget a person, one a network address, in the database.

A guess is claimed before it is looked at and counts as wrong until a login is
finished, so that fifty at once count fifty, on every process and database. A
few are free; then each must wait twice as long as the one before. Whoever
has signed in from a browser before has a budget of their own there, and
there alone: whoever knows a user name, or sits in the same network, cannot use
up its owner's (ASVS 6.1.1, 6.3.1; NIST SP 800-63B-4 section 3.2.2).

`rule` says what a guess makes of a budget, `lanes` which budgets it takes from,
`budgets` keeps them. `bucket` bounds what can be written, in memory.
"""
