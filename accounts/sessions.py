"""Database sessions that know whose they are, and whose key changes in one statement.

Django's own store renews a key with two rows and five statements; here the
row keeps its place and gets another primary key. The old key is dead at once.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.utils.crypto import get_random_string

if TYPE_CHECKING:
    from accounts.models import Session


class SessionStore(db.SessionStore):
    renamed_from: str | None = None
    settled: dict[str, Any] | None = None  # what its row holds since `settle`
    _session_key: str | None
    _session_cache: dict[str, Any]

    @classmethod
    def get_model_class(cls) -> type[Session]:
        from accounts.models import Session  # noqa: PLC0415  # models are not loaded when sessions are

        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = super().create_model_instance(data)
        assert isinstance(row, self.get_model_class())
        row.user_id = data.get(SESSION_KEY)
        return row

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
        if self.renamed_from is None and self.settled is not None and self.settled == self._session_cache:
            return
        if self.renamed_from is None:
            super().save(must_create)
            return
        row = self.create_model_instance(self._get_session())  # type: ignore[attr-defined]
        changed = (
            self.get_model_class()
            .objects.filter(pk=self.renamed_from)
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

    def settle(self) -> None:
        """Save now, in the caller's transaction: an act, and the session that knows of it, or neither.

        The save at the request's end has nothing left to do then, unless something was added since.
        Raises SessionInterrupted where the session was ended meanwhile.
        """
        try:
            self.save()
        except UpdateError as trouble:
            raise SessionInterrupted from trouble
        self.settled = deepcopy(self._session_cache)

    def take_back(self) -> None:
        """Make it what it was when it was read or settled: what it was changed for has failed."""
        if self.renamed_from:
            self._session_key, self.renamed_from = self.renamed_from, None
        if self.settled is not None:
            self._session_cache = deepcopy(self.settled)
        else:
            self.__dict__.pop("_session_cache", None)
            self.modified = False
