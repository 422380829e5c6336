"""Static files, those included that were collected after this process started: its next release's.

While machines are upgraded one after the other, a page of the new release may ask an old process for its files. Each
release has its own list of names (m2v.storage), and no file is taken away.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from whitenoise.middleware import WhiteNoiseMiddleware

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

HASHED = re.compile(r"[\w./-]+\.[0-9a-f]{12}\.\w+", re.ASCII)  # names that are never given to another content


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise, which looks once more for a file that was not there when it started."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:  # type: ignore[override]  # as WhiteNoise's own middleware
        url = request.path_info
        if url not in self.files and url.startswith(self.static_prefix) and HASHED.fullmatch(url):
            self._look_again(url)
        response: HttpResponseBase = super().__call__(request)  # type: ignore[no-untyped-call]  # whitenoise has no types
        return response

    def _look_again(self, url: str) -> None:
        root = Path(self.static_root)
        path = root / url.removeprefix(self.static_prefix)
        if path.resolve().is_relative_to(root.resolve()) and path.is_file() and "//" not in url:
            self.add_file_to_dictionary(url, str(path))  # type: ignore[no-untyped-call]  # whitenoise has no types
