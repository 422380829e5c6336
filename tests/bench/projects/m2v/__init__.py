"""Ours, with its own settings and a page that does no work of its own."""
