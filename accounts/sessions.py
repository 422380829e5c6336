"""Database sessions that know whose they are, and whose key changes in one statement.

Django's own store renews a key with two rows and five statements; here the
row keeps its place and gets another primary key. The old key is dead at once.

The key is the browser's alone. The table knows each session by a digest of
it, so that whoever reads the database can go on with nobody's session.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, UpdateError
from django.utils import timezone
from django.utils.crypto import get_random_string

if TYPE_CHECKING:
    from accounts.models import Session


DIGEST_BYTES = 30  # 240 bits, which are 40 characters: as many as the column has


def stored(key: str | None) -> str:
    """What the table knows the session with `key` by. A key has 165 random bits, so a plain digest keeps it."""
    return urlsafe_b64encode(sha256((key or "").encode()).digest()[:DIGEST_BYTES]).decode()


class SessionStore(db.SessionStore):
    renamed_from: str | None = None
    _session_key: str | None
    _session_cache: dict[str, Any]

    @classmethod
    def get_model_class(cls) -> type[Session]:
        from accounts.models import Session  # noqa: PLC0415  # models are not loaded when sessions are

        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = super().create_model_instance(data)
        assert isinstance(row, self.get_model_class())
        row.session_key = stored(row.session_key)
        row.user_id = data.get(SESSION_KEY)
        return row

    def _get_session_from_db(self) -> Session | None:
        found = self.get_model_class().objects.filter(pk=stored(self.session_key), expire_date__gt=timezone.now())
        row = found.first()
        if row is None:
            self._session_key = None
        return row

    def exists(self, session_key: str) -> bool:
        return super().exists(stored(session_key))

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            super().delete(stored(key))

    def _get_new_session_key(self) -> str:
        """A key of 165 random bits, which need no look-up for a twin."""
        return get_random_string(32, VALID_KEY_CHARS)

    def cycle_key(self) -> None:
        """Give the session another key at the next save, its contents kept."""
        contents: dict[str, Any] = self._session  # type: ignore[attr-defined]  # loads under the old key
        if self.session_key is not None:
            self.renamed_from = self.renamed_from or self.session_key
            self._session_key, self._session_cache = self._get_new_session_key(), contents
        self.modified = True

    def flush(self) -> None:
        if self.renamed_from:
            self._session_key, self.renamed_from = self.renamed_from, None
        super().flush()

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        """Save, under the new key if there is one.

        Raises UpdateError where the session was ended meanwhile, so that it does not come back.
        """
        if self.renamed_from is None:
            super().save(must_create)
            return
        row = self.create_model_instance(self._get_session())  # type: ignore[attr-defined]
        changed = (
            self.get_model_class()
            .objects.filter(pk=stored(self.renamed_from))
            .update(
                session_key=row.session_key,
                session_data=row.session_data,
                expire_date=row.expire_date,
                user=row.user_id,
            )
        )
        if not changed:
            raise UpdateError
        self.renamed_from = None

    # Django's asynchronous half, which would talk to the table by itself.

    async def aload(self) -> dict[str, Any]:
        return await sync_to_async(self.load)()

    async def aexists(self, session_key: str) -> bool:
        return await sync_to_async(self.exists)(session_key)

    async def asave(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        await sync_to_async(self.save)(must_create)

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)
