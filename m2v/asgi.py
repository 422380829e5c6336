"""The ASGI application, for servers that want one."""

import os

from django.core.asgi import get_asgi_application

from m2v.start import see_keys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2v.settings")
application = get_asgi_application()
see_keys()
