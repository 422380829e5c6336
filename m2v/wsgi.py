"""The WSGI application that the server loads."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from django.core.wsgi import get_wsgi_application

from m2v.headers import without_django
from m2v.logs import take_over
from m2v.start import see_keys

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "m2v.settings")

LONGEST_CONTENT_TYPE = 255
OTHER_CHARSET = re.compile(r"""charset\s*=\s*["']?(?!utf-?8\b)""", re.IGNORECASE)


def plain(application: WSGIApplication) -> WSGIApplication:
    """Refuse what names another character set than UTF-8, before Django decodes the address with it.

    Python's codecs know more than character sets: some of them fail on text, and some bring in what no database takes.
    """

    def checked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        kind = environ.get("CONTENT_TYPE", "")
        if len(kind) <= LONGEST_CONTENT_TYPE and not OTHER_CHARSET.search(kind):
            return application(environ, start_response)
        body = b"This site reads UTF-8."
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        headers += without_django()
        start_response("415 Unsupported Media Type", headers)
        return ClosingBody([body])

    return checked


class ClosingBody(list[bytes]):
    """A body that servers may close, as they close Django's."""

    def close(self) -> None:
        """There is nothing to close."""


take_over()
application = plain(get_wsgi_application())
see_keys()
