"""The site: settings, addresses, and the home pages of the three apps."""

__version__ = "5.5.0"
