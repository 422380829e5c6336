"""What all methods say when something typed or answered proves nothing."""

from __future__ import annotations


class NotProved(Exception):
    """This is no proof of who somebody is. Its name goes into the audit; people are told what helps."""
