"""The database and the keys as two encrypted files, and back from them (`manage.py backup`, `manage.py restore`)."""
