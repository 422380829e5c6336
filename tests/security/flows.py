"""Every act of the site that writes, each as one request that was made ready: for tests that break something on its way."""

from __future__ import annotations

import re
from base64 import b32decode
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.apps import apps
from django.core.cache.backends.base import BaseCache
from django.db import connection, transaction
from django.db.models import Sum
from django.utils.http import urlsafe_base64_encode

from accounts import people
from accounts.invitations import invitation_tokens, reset_tokens
from accounts.models import OwedMail, Role, Session
from accounts.owed import draft_of
from companies import services as companies
from companies.listing.models import Tally, Total
from mfa import services
from tests.accounts.steps import PASSKEY, SAVE_CODES, SET_UP, begin_set_up, go_half_way
from tests.accounts.walk import REFUSALS
from tests.mfa.pages import save_form
from tests.people import PASSWORD, Person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Set as AbstractSet

    from accounts.models import User
    from companies.models import Company

NEW = "a quite different password"
CHOSEN = {"new_password1": NEW, "new_password2": NEW}
OWN = "/user-settings/mfa/"
LEFT_OUT = {"Session", "Budget", "ContentType", "Permission", "Group"}
SUMMED = {Tally: ("company_id", "kind"), Total: ("kind",)}

type Act = Callable[[], Any]


@dataclass
class World:
    """Kim, a member; Petra, an administrator who has just signed in; and their company."""

    kim: Person
    petra: Person
    company: Company

    @property
    def admin(self) -> User:
        return self.petra.user

    @property
    def window(self) -> str:
        return f"/settings/administration/users/{self.kim.user.pk}/"

    @property
    def firm(self) -> str:
        return f"/settings/administration/companies/{self.company.pk}/"


@contextmanager
def outermost() -> Iterator[None]:
    """Let transactions within be what they are at the site, where no test's own transaction lies around them.

    One that begins here can be rolled back by itself, and a statement outside any that fails spoils nothing but itself.
    """
    depth, changed = len(connection.savepoint_ids), []
    enter, mark = transaction.Atomic.__enter__, transaction.mark_for_rollback_on_error

    def begin(atomic: transaction.Atomic) -> None:
        if not atomic.savepoint and len(connection.savepoint_ids) == depth:
            atomic.savepoint = True
            changed.append(atomic)
        enter(atomic)

    def marked(using: str | None = None) -> Any:
        return nullcontext() if len(connection.savepoint_ids) == depth else mark(using)

    transaction.Atomic.__enter__, transaction.mark_for_rollback_on_error = begin, marked
    try:
        yield
    finally:
        transaction.Atomic.__enter__, transaction.mark_for_rollback_on_error = enter, mark
        for atomic in changed:
            atomic.savepoint = False


PSEUDONYM = re.compile(r"erased-[0-9a-f]{12}")


@contextmanager
def tried(world: World) -> Iterator[None]:
    """What happens within is undone: in the database, in both browsers, and in Kim's pocket."""
    jars = [(person, deepcopy(person.client.cookies)) for person in (world.kim, world.petra)]
    world.kim.authenticator.credentials.clear()
    with transaction.atomic(), outermost():
        yield
        transaction.set_rollback(True)
    for person, cookies in jars:
        person.client.cookies = cookies
        person.user.refresh_from_db()


def plain(value: object, known: AbstractSet[object]) -> object:
    """A value without what differs from one try to the next: times, random bytes, new ids and pseudonyms."""
    if isinstance(value, datetime):
        return "a time"
    if isinstance(value, bytes | memoryview):
        return "bytes"
    if isinstance(value, UUID):
        return value if value in known else "new"
    if isinstance(value, str):
        return PSEUDONYM.sub("a pseudonym", value)
    return sorted(value) if isinstance(value, dict) else value


def database(known: AbstractSet[object] = frozenset()) -> dict[str, list[Any]]:
    """Every row but sessions, guesses and refusals. With `known` ids, comparable between two tries of one act; without, exact."""
    found: dict[str, list[Any]] = {}
    for model in apps.get_models():
        if model.__name__ in LEFT_OUT:
            continue
        rows = [row for row in model._default_manager.order_by("pk").values() if row.get("action") not in REFUSALS]
        if model in SUMMED:  # PostgreSQL folds their rows when it likes: what they say is their sum
            sums = model._default_manager.values(*SUMMED[model]).annotate(all=Sum("number")).exclude(all=0)
            rows = list(sums.order_by(*SUMMED[model]))
        if model is OwedMail:  # its rows are sealed: what they say is to whom, and what about
            drafts = map(draft_of, OwedMail.objects.filter(ended_at=None).order_by("pk"))
            rows = [{"to": draft.to, "subject": draft.subject} for draft in drafts]
        if known:
            rows = [{k: plain(v, known) for k, v in row.items() if k not in {"id", "password", "mac"}} for row in rows]
            rows.sort(key=repr)
        else:
            rows = [{k: bytes(v) if isinstance(v, memoryview) else v for k, v in row.items()} for row in rows]
        found[model.__name__] = rows
    return found


class NoCache(BaseCache):
    """A cache that is gone: it answers nothing, and keeps who asked it."""

    asked: ClassVar[list[Any]] = []

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, *args: Any, **options: Any) -> Any:
        self.asked.append(args)
        raise OSError("No cache answers.")

    add = set = touch = delete = incr = get_many = has_key = clear = get


# --- Ways in: each makes ready, and says what the deciding request is ---


def password_alone(world: World) -> Act:
    return world.kim.enter_password


def password_first(world: World) -> Act:
    world.kim.set_up_app()
    return world.kim.enter_password


def code(world: World) -> Act:
    go_half_way(world.kim, "challenge", world.admin)
    right = world.kim.code()
    return lambda: world.kim.enter_code(right)


def recovery_code(world: World) -> Act:
    go_half_way(world.kim, "challenge", world.admin)
    return lambda: world.kim.enter_code(world.kim.codes[0])


def answered(person: Person, prove: bool = True) -> Act:
    kind = "authentication" if prove else "registration"
    options = person.json(f"/passkeys/{kind}/options/", {}).json()
    said = person.authenticator.get(options) if prove else person.authenticator.create(options)
    return lambda: person.json(f"/passkeys/{kind}/", {"credential": said})


def passkey(world: World) -> Act:
    world.kim.add_passkey()
    return answered(world.kim)


def passkey_second(world: World) -> Act:
    go_half_way(world.kim, "challenge by passkey alone", world.admin)
    services.delete_passkey_request(world.kim.user, actor=world.admin)
    return answered(world.kim)


def app_set_up(world: World) -> Act:
    go_half_way(world.kim, "set-up", world.admin)
    form = begin_set_up(world.kim) | {"code": world.kim.code()}
    return lambda: world.kim.client.post(SET_UP, form)


def codes_saved(world: World) -> Act:
    go_half_way(world.kim, "recovery codes", world.admin)
    return lambda: world.kim.client.post(SAVE_CODES, {"saved": "on"})


def passkey_made_at_login(world: World) -> Act:
    go_half_way(world.kim, "passkey", world.admin)
    return answered(world.kim, prove=False)


def passkey_postponed(world: World) -> Act:
    go_half_way(world.kim, "passkey", world.admin)
    return lambda: world.kim.client.post(PASSKEY, {"later": ""})


def wrong_password(world: World) -> Act:
    return lambda: world.kim.enter_password("wrong")


def wrong_code(world: World) -> Act:
    go_half_way(world.kim, "challenge", world.admin)
    wrong = f"{(int(world.kim.code()) + 500_000) % 1_000_000:06d}"
    return lambda: world.kim.enter_code(wrong)


def password_by_link(world: World) -> Act:
    link = urlsafe_base64_encode(str(world.kim.user.pk).encode())
    opened = world.kim.client.get(f"/password-reset/{link}/{reset_tokens.make_token(world.kim.user)}/")
    return lambda: world.kim.client.post(opened.headers["Location"], CHOSEN)


def password_by_invitation(world: World) -> Act:
    world.kim.user.set_unusable_password()
    world.kim.user.save()
    link = urlsafe_base64_encode(str(world.kim.user.pk).encode())
    opened = world.kim.client.get(f"/invitation/{link}/{invitation_tokens.make_token(world.kim.user)}/")
    return lambda: world.kim.client.post(opened.headers["Location"], CHOSEN)


WAYS_IN = {
    way.__name__: way
    for way in (
        password_alone,
        password_first,
        code,
        recovery_code,
        passkey,
        passkey_second,
        app_set_up,
        codes_saved,
        passkey_made_at_login,
        passkey_postponed,
        wrong_password,
        wrong_code,
        password_by_link,
        password_by_invitation,
    )
}


# --- Acts of people who are in ---


def own(path: str, form: dict[str, Any] | None = None, *, app: bool = False) -> Callable[[World], Act]:
    """Kim, signed in with a passkey, or with a passkey and an app, sends a form. `{passkey}` is the passkey's id."""

    def ready(world: World) -> Act:
        made = world.kim.add_passkey()
        if app:
            world.kim.set_up_app()
        world.kim.use_passkey()
        return lambda: world.kim.client.post(path.format(passkey=made.pk), form or {})

    return ready


def own_set_up(world: World) -> Act:
    world.kim.sign_in()
    page = world.kim.client.get(f"{OWN}two-factor/set-up/")
    setup = page.context["setup"].id
    world.kim.app_key = key_on(page)
    form = {"setup": setup, "code": world.kim.code()}
    return lambda: world.kim.client.post(f"{OWN}two-factor/set-up/", form)


def own_new_codes(world: World) -> Act:
    own(f"{OWN}recovery-codes/new/", app=True)(world)()
    form = save_form(world.kim)
    return lambda: world.kim.client.post(f"{OWN}recovery-codes/", form)


def own_passkey(world: World) -> Act:
    world.kim.sign_in()
    return answered(world.kim, prove=False)


def confirmed(world: World) -> Act:
    world.kim.add_passkey()
    world.kim.set_up_app()
    world.kim.use_passkey()
    right = world.kim.code()
    return lambda: world.kim.client.post("/confirm/", {"code": right})


def key_on(page: Any) -> bytes:
    return b32decode(page.context["key"].replace(" ", ""))


def by_petra(
    path: str, form: dict[str, Any] | None = None, *before: Callable[[World], object]
) -> Callable[[World], Act]:
    """Petra sends a form about Kim or the company, after `before`."""

    def ready(world: World) -> Act:
        for step in before:
            step(world)
        made = world.kim.user.passkeys.first()
        address = path.format(kim=world.window, firm=world.firm, passkey=made.pk if made else "")
        filled = {name: str(world.company.pk) if name == "company" else value for name, value in (form or {}).items()}
        return lambda: world.petra.client.post(address, filled)

    return ready


def with_app(world: World) -> None:
    world.kim.set_up_app()


def with_passkey(world: World) -> None:
    world.kim.add_passkey()


def with_request(world: World) -> None:
    services.request_passkey(world.kim.user, actor=world.admin)


def asked(world: World) -> None:
    services.enable_two_factor(world.kim.user, actor=world.admin)


def firm_on(world: World) -> None:
    companies.enable_company_two_factor(world.company, actor=world.admin)


def gone(world: World) -> None:
    people.deactivate_user(world.kim.user, actor=world.admin)


def passwordless(world: World) -> None:
    world.kim.user.set_unusable_password()
    world.kim.user.save()


def kims_session_ended(world: World) -> Act:
    world.kim.sign_in()
    place = Session.objects.get(user=world.kim.user, is_complete=True).public_id
    return lambda: world.petra.client.post(f"{world.window}sessions/{place}/end/")


PROFILE = {"username": "kimberly", "first_name": "Kim", "last_name": "H", "email": "k@acme.example", "language": ""}
NEWCOMER = {
    "username": "new",
    "email": "n@acme.example",
    "role": Role.MEMBER,
    "language": "",
    "company": "",
    "first_name": "N",
}

ACTS: dict[str, Callable[[World], Act]] = {
    "own password": own("/user-settings/password/", {"old_password": PASSWORD, **CHOSEN}),
    "own profile": own("/user-settings/", PROFILE),
    "own switch on": own(f"{OWN}two-factor/on/"),
    "own switch off, and out": own(f"{OWN}two-factor/off/", {"sign_out": "on"}, app=True),
    "own new codes": own_new_codes,
    "own set-up": own_set_up,
    "own passkey": own_passkey,
    "own passkey renamed": own(f"{OWN}passkeys/{{passkey}}/rename/", {"name": "Blue"}),
    "own passkey deleted": own(f"{OWN}passkeys/{{passkey}}/delete/"),
    "own passkey asked for": own(f"{OWN}passkeys/request/"),
    "confirmed": confirmed,
    "signed out": own("/logout/"),
    "switch on, and out": by_petra("{kim}mfa/two-factor/on/", {"sign_out": "on"}),
    "switch off, and out": by_petra("{kim}mfa/two-factor/off/", {"sign_out": "on"}, with_app),
    "reminded": by_petra("{kim}remind/", None, asked),
    "passkey asked for": by_petra("{kim}mfa/passkeys/request/"),
    "passkey no longer asked for": by_petra("{kim}mfa/passkeys/request/delete/", None, with_request),
    "passkey deleted": by_petra("{kim}mfa/passkeys/{passkey}/delete/", None, with_passkey),
    "deactivated": by_petra("{kim}deactivate/"),
    "erased": by_petra("{kim}erase/", None, with_app, with_passkey),
    "activated": by_petra("{kim}activate/", None, gone),
    "signed out everywhere": by_petra("{kim}sign-out/"),
    "signed out in one place": kims_session_ended,
    "invited": by_petra("{kim}invite/", None, passwordless),
    "password reset sent": by_petra("{kim}password-reset/"),
    "user made": by_petra("/settings/administration/users/new/", NEWCOMER),
    "user changed": by_petra("{kim}", PROFILE | {"role": Role.MEMBER, "company": ""}),
    "company made": by_petra("/settings/administration/companies/new/", {"name": "Newtown"}),
    "company renamed": by_petra("{firm}edit/", {"name": "Acme 2"}),
    "company on, and out": by_petra("{firm}two-factor/on/", {"sign_out": "on"}),
    "company off, and out": by_petra("{firm}two-factor/off/", {"sign_out": "on"}, firm_on, asked),
    "company signed out": by_petra("{firm}sign-out/"),
}

FLOWS = WAYS_IN | ACTS
