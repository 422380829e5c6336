"""Database sessions that know whose they are, when they end, and whose key changes in one statement.

Django's own store renews a key with two rows and five statements; here the
row keeps its place and gets another primary key. The old key is dead at once.
The database holds a digest of it, so that a copy of the table opens nothing.
A session that has ended is deleted when somebody brings it, whatever the
cookie says (NIST SP 800-63B-4 section 5.2); one that began, or was last seen,
in the future would outlive its day, and has ended too.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, CreateError, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import IntegrityError
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.clock import is_ahead
from accounts.login import COMPLETE, PROOFS

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.models import Session

KEPT_CHARACTERS = 40  # what Django's column holds
SEEN_SECONDS = 60  # how exact "seen" is, so that most pages write nothing


def kept_as(key: str) -> str:
    """What the database knows `key` by. Whoever reads it there has nothing to send: keys are too random to be guessed."""
    return urlsafe_b64encode(sha256(key.encode()).digest()).decode()[:KEPT_CHARACTERS]


class SessionStore(db.SessionStore):
    renamed_from: str | None = None
    row: Session | None = None  # as it was read or written last
    came_from: tuple[str | None, str] = (None, "")  # network address and User-Agent of the request
    in_background = False  # is the request one that browsers send by themselves?
    ended = False  # was it flushed in this request?
    settled: bytes | None = None  # what its row holds since `settle`
    _session_key: str | None
    _session_cache: dict[str, Any]

    if TYPE_CHECKING:  # Django's own, which its stubs leave out

        def _get_session(self, *, no_load: bool = False) -> dict[str, Any]: ...
        def _get_or_create_session_key(self) -> str: ...

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.public_id: UUID = uuid4()

    @classmethod
    def get_model_class(cls) -> type[Session]:
        from accounts.models import Session  # noqa: PLC0415  # models are not loaded when sessions are

        return Session

    @property
    def kept_key(self) -> str | None:
        """What the database knows this session by now."""
        key = self.renamed_from or self.session_key
        return kept_as(key) if key else None

    def exists(self, session_key: str) -> bool:
        return self.get_model_class().objects.filter(pk=kept_as(session_key)).exists()

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            self.get_model_class().objects.filter(pk=kept_as(key)).delete()

    def _get_session_from_db(self) -> Session | None:
        """The row, if the session has not ended; one that has is deleted."""
        row = next(iter(self.get_model_class().objects.filter(pk=self.kept_key)), None)
        if row and (row.ends_at <= timezone.now() or is_ahead(max(row.started_at, row.seen_at).timestamp())):
            self.get_model_class().objects.filter(pk=row.pk, seen_at=row.seen_at).delete()
            row = None
        if row:
            self.row, self.public_id = row, row.public_id
        else:
            self._session_key = None
        return row

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row that holds `data`, and what of it is asked for from outside."""
        row = self.get_model_class()(
            session_key=kept_as(self._get_or_create_session_key()),
            session_data=self.encode(data),
            user_id=data.get(SESSION_KEY),
            public_id=self.public_id,
        )
        if self.row:
            row.started_at, row.address, row.browser = self.row.started_at, self.row.address, self.row.browser
            row.seen_at = self.row.seen_at if self.in_background else timezone.now()
        if any(self.came_from):
            row.address, row.browser = self.came_from
        if proofs := data.get(PROOFS):
            row.started_at = datetime.fromtimestamp(proofs[0]["at"], UTC)
            row.proved_by = " ".join(
                dict.fromkeys(":".join(filter(None, (proof["method"], proof.get("by")))) for proof in proofs)
            )
        row.is_complete = bool(data.get(COMPLETE))
        row.expire_date = row.limit
        self.row = row
        return row

    @property
    def left(self) -> dict[str, int]:
        """The seconds until the session ends if nothing is done, until it ends whatever is done, and of the warning."""
        idle, overall = self.row.seconds_left() if self.row else (0, 0)
        return {"idle": idle, "overall": overall, "warning": min(60, settings.SESSION_IDLE_SECONDS // 3)}

    def _get_new_session_key(self) -> str:
        """A key of 165 random bits, which need no look-up for a twin."""
        return get_random_string(32, VALID_KEY_CHARS)

    def seen(self, *, after: int = SEEN_SECONDS) -> None:
        """Note that the person is there, if they were last seen `after` seconds ago or more."""
        row, now = self.row, timezone.now()
        if row is None or not row.is_complete or (now - row.seen_at).total_seconds() < after:
            return
        before, row.seen_at = row.seen_at, now
        row.expire_date = row.limit
        row.address, row.browser = self.came_from
        same = self.get_model_class().objects.filter(pk=self.kept_key, seen_at=before)
        same.update(seen_at=now, expire_date=row.expire_date, address=row.address, browser=row.browser)

    def clear(self) -> None:
        """Empty it: what comes next is another session, with another id."""
        super().clear()
        self.row, self.public_id = None, uuid4()

    def cycle_key(self) -> None:
        """Give the session another key at the next save, its contents kept."""
        contents = self._get_session()  # loads under the old key
        if self.session_key is not None:
            self.renamed_from = self.renamed_from or self.session_key
            self._session_key, self._session_cache = self._get_new_session_key(), contents
        self.modified = True

    def flush(self) -> None:
        """End it for good, under whatever key another request may have given it meanwhile."""
        self._get_session()
        self.get_model_class().objects.filter(public_id=self.public_id).delete()
        self.clear()
        self._session_key, self.renamed_from, self.ended = None, None, True

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        """Save, under the new key if there is one.

        Raises UpdateError where the session was ended meanwhile, so that it does not come back.
        """
        if self.renamed_from is None and self.settled is not None and self.settled == self._contents():
            return
        if self.session_key is None:
            self.create()
            return
        row = self.create_model_instance(self._get_session(no_load=must_create))
        if must_create:
            try:
                row.save(force_insert=True)
            except IntegrityError as trouble:
                raise CreateError from trouble
        elif not type(row).objects.filter(pk=self.kept_key).update(**row.columns()):
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
        self.settled = self._contents()

    def take_back(self) -> None:
        """Make it what it was when it was read or settled: what it was changed for has failed."""
        if self.renamed_from:
            self._session_key, self.renamed_from = self.renamed_from, None
        if self.settled is not None:
            self._session_cache = self.serializer().loads(self.settled)
        else:
            self.__dict__.pop("_session_cache", None)
            self.modified = False

    def _contents(self) -> bytes:
        """What it holds, as it is now."""
        contents: bytes = self.serializer().dumps(self._session_cache)
        return contents

    # Django's asynchronous half, which would talk to the table by itself.

    async def aload(self) -> dict[str, Any]:
        return await sync_to_async(self.load)()

    async def acycle_key(self) -> None:
        await sync_to_async(self.cycle_key)()

    async def aexists(self, session_key: str) -> bool:
        return await sync_to_async(self.exists)(session_key)

    async def asave(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        await sync_to_async(self.save)(must_create)

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)
