"""Database sessions that know whose they are, when they end, and whose key changes in one statement.

Django's own store renews a key with two rows and five statements; here the
row keeps its place and gets another primary key. The old key is dead at once.
The database holds a digest of it, so that a copy of the table opens nothing.
A session that has ended is deleted when somebody brings it, whatever the
cookie says (NIST SP 800-63B-4 section 5.2).
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import IntegrityError
from django.utils import timezone

from accounts.sessions.models import Session
from accounts.sessions.reading import session_of
from audit.prepared import PreparedChange, PreparedRow

if TYPE_CHECKING:
    from accounts.models import User

PROOFS = "proofs"  # what was proved (accounts.login)
COMPLETE = "login_complete"

STORED_CHARACTERS = 40  # what Django's column holds
SEEN_SECONDS = 60  # how exact "seen" is, so that most pages write nothing
ADD = PreparedRow(Session)
WRITE = PreparedChange(
    lambda key, *values: Session.objects.filter(pk=key).update(**dict(zip(Session().columns(), values, strict=True)))
)


def stored_as(key: str) -> str:
    """What the database knows `key` by. Whoever reads it there has nothing to send: keys are too random to be guessed."""
    return urlsafe_b64encode(sha256(key.encode()).digest()).decode()[:STORED_CHARACTERS]


def new_key() -> str:
    """192 random bits, which need no look-up for a twin."""
    return token_urlsafe(24)


class SessionStore(SessionBase):
    came_from: tuple[str | None, str] = (None, "")  # network address and User-Agent of the request
    in_background = False  # is the request one that browsers send by themselves?
    ended = False  # was it flushed in this request?

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.public_id: UUID = uuid4()
        self.row: Session | None = None  # as the database holds it
        self.row_key: str | None = None  # the key under which it does, which is not always the session's key any more
        self.person: User | None = None  # whose it was when it was read

    @property
    def stored_key(self) -> str | None:
        """What the database knows this session by now."""
        key = self.row_key or self.session_key
        return stored_as(key) if key else None

    # --- Reading ---

    def load(self) -> dict[str, Any]:
        """What the session holds, read together with whose it is; one that has ended is deleted."""
        key, found = self.session_key, None
        if key:
            found = session_of(stored_as(key))
        if found and found.has_ended:
            Session.objects.filter(pk=found.pk, seen_at=found.seen_at).delete()
            found = None
        if found is None:
            self._use_key(None)  # one that somebody made up is given to nobody
            return {}
        self.row, self.row_key, self.public_id, self.person = found, key, found.public_id, found.user
        return self.decode(found.session_data)

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(pk=stored_as(session_key)).exists()

    @property
    def left(self) -> dict[str, int]:
        """The seconds until the session ends if nothing is done, until it ends whatever is done, and of the warning."""
        idle, overall = self.row.seconds_left() if self.row else (0, 0)
        return {"idle": idle, "overall": overall, "warning": min(60, settings.SESSION_IDLE_SECONDS // 3)}

    # --- Writing ---

    def create(self) -> None:
        """Keep what it holds in a new row, under a new key."""
        self.items()  # while there is no key, nothing is read for it
        self._use_key(new_key())
        self.save(must_create=True)
        self.modified = True

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # Django's signature
        """Save, under the new key if there is one.

        Raises UpdateError where the session was ended meanwhile, so that it does not come back.
        """
        if self.session_key is None:
            self.create()
            return
        contents = dict(self.items())
        if self._holds(contents):
            return
        row = self.create_model_instance(contents)
        if must_create:
            try:
                ADD.add(row)
            except IntegrityError as trouble:
                raise CreateError from trouble
        elif not WRITE.make(self.stored_key, *row.columns().values()):
            raise UpdateError
        self.row, self.row_key = row, self.session_key

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row that holds `data`, and what of it is asked for from outside."""
        assert self.session_key
        owner = data.get(SESSION_KEY)
        row = Session(
            session_key=stored_as(self.session_key),
            session_data=self.encode(data),
            user_id=UUID(owner) if owner else None,
            public_id=self.public_id,
        )
        before = self.row
        if before and before.public_id == self.public_id:
            row.started_at, row.address, row.browser = before.started_at, before.address, before.browser
            row.seen_at = before.seen_at if self.in_background else timezone.now()
        if any(self.came_from):
            row.address, row.browser = self.came_from
        if proofs := data.get(PROOFS):
            row.started_at = datetime.fromtimestamp(proofs[0]["at"], UTC)
            row.proved_by = " ".join(
                dict.fromkeys(":".join(filter(None, (proof["method"], proof.get("by")))) for proof in proofs)
            )
        row.is_complete = bool(data.get(COMPLETE))
        row.expire_date = row.limit
        return row

    def _holds(self, contents: dict[str, Any]) -> bool:
        """Does the row hold just this already?"""
        row = self.row if self.row_key == self.session_key else None
        return row is not None and row.public_id == self.public_id and self.decode(row.session_data) == contents

    def save_now(self) -> None:
        """Save in the caller's transaction: an act, and the session that knows of it, or neither.

        The save at the request's end has nothing left to do then, unless something was added since.
        Raises SessionInterrupted where the session was ended meanwhile.
        """
        try:
            self.save()
        except UpdateError as trouble:
            raise SessionInterrupted from trouble

    def roll_back(self) -> None:
        """Make it what it was when it was read or saved last: what it was changed for has failed."""
        if not self.accessed:
            return
        self._use_key(self.row_key)
        contents = self.decode(self.row.session_data) if self.row else {}
        super().clear()
        self.update(contents)
        self.public_id, self.modified = (self.row.public_id if self.row else uuid4()), False

    def pop_once(self, name: str) -> Any:
        """Take `name` out of the session for good, before it is used. If several requests try at once, one gets it.

        One statement decides: it gives the session another key, so that the second request no longer finds the old one.
        """
        kept = self.pop(name, None)
        if kept is None:
            return None
        self.cycle_key()
        try:
            self.save_now()
        except SessionInterrupted:
            self.modified = False
            return None
        return kept

    def touch(self, *, after: int = SEEN_SECONDS) -> None:
        """Note that the person is there, if they were last seen `after` seconds ago or more."""
        row, now = self.row, timezone.now()
        if row is None or not row.is_complete or (now - row.seen_at).total_seconds() < after:
            return
        before, row.seen_at = row.seen_at, now
        row.expire_date = row.limit
        row.address, row.browser = self.came_from
        same = Session.objects.filter(pk=self.stored_key, seen_at=before)
        same.update(seen_at=now, expire_date=row.expire_date, address=row.address, browser=row.browser)

    # --- Another key, another session, none ---

    def cycle_key(self) -> None:
        """Give the session another key at the next save, its contents kept."""
        self.items()  # are read under the old key
        if self.session_key is not None:
            self._use_key(new_key())
        self.modified = True

    def clear(self) -> None:
        """Empty it: what comes next is another session, with another id, in the same row."""
        self.items()
        super().clear()
        self.public_id, self.person = uuid4(), None

    def flush(self) -> None:
        """End it for good, under whatever key another request may have given it meanwhile."""
        self.items()
        Session.objects.filter(public_id=self.public_id).delete()
        self.clear()
        self._use_key(None)
        self.row, self.row_key, self.ended = None, None, True

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            Session.objects.filter(pk=stored_as(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        Session.objects.filter(expire_date__lt=timezone.now()).delete()

    def _use_key(self, key: str | None) -> None:
        """Answer to `key` from now on. What Django's own stores do it with is private; its constructor is not."""
        accessed, modified = self.accessed, self.modified
        super().__init__(key)
        self.accessed, self.modified = accessed, modified

    # Of Django's asynchronous methods, those that are not made of the others.

    async def acycle_key(self) -> None:
        await sync_to_async(self.cycle_key)()

    async def aflush(self) -> None:
        await sync_to_async(self.flush)()
