"""Companies, and their people as administrators see them."""
