"""The WSGI application: m2v.asgi puts its gateway before it, and servers that speak WSGI may load it directly."""

import os

from django.core.wsgi import get_wsgi_application

from m2v.gateway import guarded
from m2v.logs import take_over
from m2v.start import see_keys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2v.settings")
take_over()
application = guarded(get_wsgi_application())
see_keys()
