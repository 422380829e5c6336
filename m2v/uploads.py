"""How long a form may be, and what becomes of a file that is sent with one: nothing, but at the one page that asks for one."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

FIELD = "file"


class BodyLengthMiddleware:
    """Refuse a body that is longer than its page takes: a server without the gateway may not have looked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        said = request.META.get("CONTENT_LENGTH") or "0"
        longest = max(settings.LONGEST_BODY, settings.LONGER_BODIES.get(request.path_info, 0))
        if said.isdecimal() and int(said[:20]) > longest:
            raise RequestDataTooBig
        return self.get_response(request)


class OneFile(FileUploadHandler):
    """Takes one file, at `settings.FILE_PAGE`, into memory. None is ever written to disk.

    The gateway has seen by then that whoever sends it may (`m2v.gateway`).
    """

    kept: BytesIO | None = None

    def new_file(self, field_name: str, *args: Any, **kwargs: Any) -> None:
        """Skip whatever is not expected, so that it costs no memory."""
        expected = self.request is not None and self.request.path_info == settings.FILE_PAGE
        if not expected or field_name != FIELD or self.kept is not None:
            raise SkipFile
        super().new_file(field_name, *args, **kwargs)
        self.kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Raises StopUpload beyond what may be sent there: a server without the gateway may not have looked."""
        assert self.kept is not None
        assert self.request is not None
        if start + len(raw_data) > settings.LONGER_BODIES[settings.FILE_PAGE]:
            raise StopUpload(connection_reset=True)
        self.kept.write(raw_data)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile | None:
        if self.kept is None or self.file_name is None:
            return None
        self.kept.seek(0)
        return InMemoryUploadedFile(
            self.kept, FIELD, self.file_name, self.content_type or "", file_size, self.charset, self.content_type_extra
        )
