"""`make bench`: what a login and a page cost, side by side with a bare Django project and with published packages."""
