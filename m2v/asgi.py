"""The ASGI application, which `manage.py serve` serves."""

import os
from functools import partial

from django.conf import settings

from m2v.gateway import Gateway

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2v.settings")

from m2v.wsgi import application as django  # it reads the settings

if settings.METRICS:
    from m2v.metrics.counters import count_answer

    application = Gateway(django, partial(count_answer, "gateway"))
else:
    application = Gateway(django)
