"""The ASGI application, which `manage.py serve` serves."""

import os

from m2v.gateway import Gateway

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2v.settings")

from m2v.wsgi import application as django  # it reads the settings

application = Gateway(django)
