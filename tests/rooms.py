"""The rooms of the house, from the ground up."""

ROOMS = ("audit", "accounts", "mfa", "notices", "companies", "reporting", "m2v")
