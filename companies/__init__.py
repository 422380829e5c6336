"""The roof: companies, and their people as administrators see them."""
