"""The site's settings, for tests: fast hashes, plain static files, a database file of its own."""

import os
from pathlib import Path
from tempfile import mkdtemp

os.environ.setdefault("DATA_DIR", mkdtemp(prefix="m2v-tests-"))
os.environ.setdefault("BASE_URL", "http://localhost:8000")

from m2v.settings import *  # noqa: F403
from m2v.settings import DATABASES, STATIC_ROOT, STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
Path(STATIC_ROOT).mkdir(parents=True, exist_ok=True)
WHITENOISE_AUTOREFRESH = True
# And a test seals when it means to.
AUDIT_SEALED_AFTER = None
# A connection that outlives its request would keep the test database from being dropped.
DATABASES["default"]["CONN_MAX_AGE"] = 0
# Tests import the server's application before there is a database to look into.
CHECK_KEYS_AT_START = False
# On PostgreSQL too, whose address DATABASE_URL is.
DEMO_ALLOWED = True
# What is handed to the queue is done at once; a real worker is in tests/server/.
TASKS = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}
