"""Tests of the site: settings, home pages, errors, and the demo data."""
