"""People: who they are, how they sign in, and how often they may try."""
