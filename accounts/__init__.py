"""The floor: who people are, and what they have proved about it."""
