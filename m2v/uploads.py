"""What becomes of a file that is sent with a form: nothing, but at the one page that asks for one."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload

FIELD = "file"


class OneFile(FileUploadHandler):
    """Takes one file, where `settings.LONGER_BODIES` has the page, into memory. None is ever written to disk.

    The gateway has seen by then that whoever sends it may (`m2v.gateway`).
    """

    kept: BytesIO | None = None

    def new_file(self, field_name: str, *args: Any, **kwargs: Any) -> None:
        """Skip whatever is not expected, so that it costs no memory."""
        expected = self.request is not None and self.request.path_info in settings.LONGER_BODIES
        if not expected or field_name != FIELD or self.kept is not None:
            raise SkipFile
        super().new_file(field_name, *args, **kwargs)
        self.kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Raises StopUpload beyond what may be sent there: a server without the gateway may not have looked."""
        assert self.kept is not None
        assert self.request is not None
        if start + len(raw_data) > settings.LONGER_BODIES[self.request.path_info]:
            raise StopUpload(connection_reset=True)
        self.kept.write(raw_data)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile | None:
        if self.kept is None or self.file_name is None:
            return None
        self.kept.seek(0)
        return InMemoryUploadedFile(
            self.kept, FIELD, self.file_name, self.content_type or "", file_size, self.charset, self.content_type_extra
        )
