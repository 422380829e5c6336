"""Sessions: keys that change in one statement, rows that know whose they are, and ends that last."""

from __future__ import annotations

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import user_logged_in
from django.contrib.sessions.backends.base import UpdateError
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import people
from accounts.models import Session, User
from accounts.sessions.reading import session_of
from accounts.sessions.store import SessionStore, stored_as
from tests.accounts.steps import HALF_WAY, go_half_way
from tests.audit import forget
from tests.people import PASSWORD, Person, browser, key_of, with_key


def kept(**contents):
    """A session in the database with `contents`."""
    store = SessionStore()
    store.update(contents)
    store.save()
    return store


@pytest.fixture
def kim_with_app_half_way(kim, time_machine):
    """After the password, on a server whose clock stands still until it is moved."""
    time_machine.move_to(timezone.now(), tick=False)
    kim.set_up_app()
    kim.enter_password()
    return kim


# --- The store ---


def test_a_key_is_renewed_in_one_update_of_the_same_row(db):
    store = kept(colour="blue")
    old, rows = store.session_key, Session.objects.count()

    store.cycle_key()
    with CaptureQueriesContext(connection) as queries:
        store.save()

    assert [query["sql"].split()[0] for query in queries] == ["UPDATE"]
    assert Session.objects.count() == rows
    assert store.session_key != old
    assert SessionStore(store.session_key)["colour"] == "blue"
    assert not Session.objects.filter(pk=stored_as(old)).exists()
    assert not SessionStore(old).load()


def test_a_key_that_is_renewed_twice_before_it_is_saved_is_one_row(db):
    store = kept(colour="blue")

    store.cycle_key()
    store.cycle_key()
    store["colour"] = "green"
    store.save()

    assert Session.objects.get().pk == stored_as(store.session_key)
    assert SessionStore(store.session_key)["colour"] == "green"


def test_a_renewed_session_is_saved_as_usual_afterwards(db):
    store = kept(colour="blue")
    store.cycle_key()
    store.save()

    store["colour"] = "green"
    store.save()

    assert SessionStore(store.session_key)["colour"] == "green"
    assert Session.objects.count() == 1


def test_a_session_that_was_never_saved_gets_one_key(db):
    store = SessionStore()
    store["colour"] = "blue"

    store.cycle_key()
    store.save()

    assert Session.objects.get().pk == stored_as(store.session_key)


def test_flushing_a_session_whose_key_was_renewed_deletes_its_row(db):
    store = kept(colour="blue")

    store.cycle_key()
    store.flush()
    store.save()

    assert not Session.objects.exclude(pk=stored_as(store.session_key)).exists()
    assert "colour" not in store


def test_flushing_deletes_the_row(db):
    store = kept(colour="blue")

    store.flush()

    assert not Session.objects.exists()


@pytest.mark.parametrize("renewed", [True, False])
def test_a_session_that_was_ended_meanwhile_does_not_come_back(renewed, db):
    store = kept(colour="blue")
    Session.objects.all().delete()

    if renewed:
        store.cycle_key()
    store["colour"] = "green"
    with pytest.raises(UpdateError):
        store.save()

    assert not Session.objects.exists()


def test_a_made_up_key_is_not_adopted(db):
    store = SessionStore("a" * 32)
    store.cycle_key()
    store["colour"] = "blue"

    store.save()

    assert store.session_key != "a" * 32
    assert Session.objects.get().pk == stored_as(store.session_key)


def test_the_row_and_the_store_name_each_other():
    assert Session.get_session_store_class() is SessionStore


# --- Whose a session is ---


@pytest.mark.parametrize("kind", HALF_WAY)
def test_a_session_knows_whose_it_is_from_the_first_factor_on(kind, kim, admin):
    go_half_way(kim, kind, admin)

    assert Session.objects.get(pk=stored_as(key_of(kim.client))).user == kim.user


def test_a_strangers_session_is_nobodys(db):
    stranger = browser()

    stranger.post("/passkeys/authentication/options/", {}, content_type="application/json")

    assert Session.objects.get(pk=stored_as(key_of(stranger))).user is None


def test_a_session_belongs_to_the_last_person_who_signed_in_with_the_browser(kim, make_person):
    kim.sign_in()
    lee = make_person("lee")
    lee.client = kim.client
    lee.sign_in()

    assert list(Session.objects.values_list("user__username", flat=True)) == ["lee"]


def test_sessions_that_ran_out_are_not_live(kim):
    kim.sign_in()
    Person(kim.user).sign_in()
    assert Session.objects.live().filter(user=kim.user).count() == 2

    Session.objects.filter(pk=stored_as(key_of(kim.client))).update(expire_date=timezone.now() - timedelta(seconds=1))

    assert Session.objects.live().filter(user=kim.user).count() == 1
    assert not kim.is_in


@pytest.mark.parametrize("ahead", [timedelta(minutes=5), timedelta(days=3650)])
@pytest.mark.parametrize("column", ["started_at", "seen_at"])
def test_a_session_that_began_or_was_seen_in_the_future_has_ended(column, ahead, kim):
    """The server's clock ran ahead when it was written, and was put right: it would outlive its day."""
    kim.sign_in()
    later = timezone.now() + ahead
    Session.objects.update(**{column: later, "expire_date": later + timedelta(hours=1)})
    assert not Session.objects.live().exists(), "and nobody is shown it as a place where they are signed in"

    assert not kim.is_in
    assert not Session.objects.filter(user=kim.user).exists()
    assert kim.sign_in().headers["Location"] == "/"
    assert kim.is_in


@pytest.mark.parametrize("column", ["started_at", "seen_at"])
def test_a_session_goes_on_where_the_clocks_of_two_servers_differ_by_seconds(column, kim):
    kim.sign_in()
    Session.objects.update(**{column: timezone.now() + timedelta(seconds=30)})

    assert kim.is_in
    assert Session.objects.live().filter(user=kim.user).count() == 1


def test_a_login_that_began_while_the_clock_ran_ahead_begins_again(kim_with_app_half_way, time_machine):
    time_machine.shift(-7 * 24 * 3600)

    kim_with_app_half_way.enter_code()
    assert not kim_with_app_half_way.is_in
    assert kim_with_app_half_way.sign_in().headers["Location"] == "/"


@pytest.mark.row("ASVS-14.2.7")
def test_clearsessions_takes_those_that_ran_out_and_no_others(kim):
    kim.sign_in()
    other = Person(kim.user)
    other.sign_in()
    Session.objects.filter(pk=stored_as(key_of(kim.client))).update(expire_date=timezone.now() - timedelta(seconds=1))

    call_command("clearsessions")

    assert [row.pk for row in Session.objects.all()] == [stored_as(key_of(other.client))]


def test_a_session_goes_with_its_owner(kim):
    kim.sign_in()

    Session.objects.create(session_key="x", session_data="", expire_date=timezone.now(), user=kim.user)
    forget()
    kim.user.delete()

    assert not Session.objects.exists()


@pytest.mark.row("V4")
def test_no_session_holds_a_password_or_a_code(kim):
    kim.set_up_app()
    code = kim.code()
    kim.enter_password()
    half_way = str(dict(kim.client.session))
    kim.enter_code(code)

    for contents in (half_way, str(dict(kim.client.session))):
        assert "correct horse" not in contents
        assert code not in contents
        assert kim.user.password not in contents


# --- The cookie ---


# --- Ends ---


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("headers", "status"), [({}, 302), ({"HTTP_HX_REQUEST": "true"}, 401)])
def test_a_session_ended_while_its_owner_signs_in_stays_ended(headers, status, kim):
    """Somebody ends all sessions between the moment the password is right and the answer to it."""
    kim.client.post("/passkeys/authentication/options/", {}, content_type="application/json")

    def end(**signal):
        Session.objects.all().delete()

    user_logged_in.connect(end)
    try:
        answer = kim.client.post("/login/", {"username": "kim", "password": PASSWORD}, **headers)
    finally:
        user_logged_in.disconnect(end)

    assert answer.status_code == status
    assert answer.headers.get("HX-Redirect") == ("/login/" if headers else None)
    assert answer.headers.get("Location") == (None if headers else "/login/")
    assert not Session.objects.exists()
    assert not kim.is_in


@pytest.mark.parametrize("kind", [*HALF_WAY, "signed in"])
@pytest.mark.parametrize("end", [people.end_sessions, people.deactivate_user])
def test_ended_sessions_are_dead_at_once_half_way_ones_included(end, kind, kim, admin, make_person):
    if kind == "signed in":
        kim.sign_in()
    else:
        go_half_way(kim, kind, admin)
    lee = make_person("lee")
    lee.sign_in()
    key, here = key_of(kim.client), HALF_WAY.get(kind, "/portal/")

    end(kim.user, actor=admin)

    assert not Session.objects.filter(user=kim.user).exists()
    answer = with_key(key).get(here)
    assert answer.status_code == 302
    assert answer.headers["Location"] in {"/", "/login/?next=%2Fportal%2F"}
    assert not kim.is_in
    assert lee.is_in


def test_a_session_that_only_the_epoch_ends_is_ended(kim, admin):
    """A request that was on its way while the rows went saves its row once more; the epoch ends it then."""
    kim.sign_in()
    row = Session.objects.get(user=kim.user)

    people.end_sessions(kim.user, actor=admin)
    row.save(force_insert=True)

    assert not kim.is_in
    assert not Session.objects.filter(user=kim.user).exists()


def test_the_person_who_acts_may_end_their_own_sessions(administrator):
    administrator.client.get("/portal/")

    people.end_sessions(administrator.user, actor=administrator.user)

    assert not administrator.is_in


@pytest.mark.row("ASVS-7.4.5")
def test_an_administrator_ends_sessions_on_the_screen(administrator, kim):
    kim.sign_in()
    path = f"/settings/administration/users/{kim.user.pk}/sign-out/"

    assert "1" in administrator.client.get(path).content.decode()
    assert kim.is_in
    answer = administrator.client.post(path, follow=True)

    assert "Kim is signed out everywhere." in answer.content.decode()
    assert not kim.is_in
    assert administrator.is_in


@pytest.mark.row("ASVS-7.4.2")
def test_deactivating_on_the_screen_ends_every_session_and_the_next_login(administrator, kim):
    phone = Person(kim.user)
    for person in (kim, phone):
        person.sign_in()

    administrator.client.post(f"/settings/administration/users/{kim.user.pk}/deactivate/")

    assert not kim.is_in
    assert not phone.is_in
    assert kim.enter_password().status_code == 400
    administrator.client.post(f"/settings/administration/users/{kim.user.pk}/activate/")
    kim.sign_in()
    assert kim.is_in


@pytest.mark.row("V33")
@pytest.mark.parametrize("kind", HALF_WAY)
def test_somebody_deactivated_half_way_gets_no_further(kind, kim, admin):
    go_half_way(kim, kind, admin)
    # As another system would do it, which knows nothing of sessions.
    User.objects.filter(pk=kim.user.pk).update(is_active=False)

    for form in ({"code": kim.code()} if kim.app_key else {}, {"saved": "on"}, {"later": ""}):
        assert kim.client.post(HALF_WAY[kind], form).headers["Location"] == "/"
    if kind.startswith("challenge"):
        options = kim.json("/passkeys/authentication/options/", {}).json()
        answer = kim.json(
            "/passkeys/authentication/", {"credential": kim.authenticator.get(options | {"allowCredentials": []})}
        )
        assert answer.status_code == 400

    assert not kim.is_in


# --- Keys of the site ---


def test_sessions_survive_a_new_secret_key_while_the_old_one_is_kept(kim, settings):
    kim.sign_in()
    old, key = settings.SECRET_KEY, key_of(kim.client)

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 60, [old]

    assert kim.is_in
    assert key_of(kim.client) != key
    assert kim.is_in
    assert with_key(key).get("/portal/").status_code == 302

    settings.SECRET_KEY_FALLBACKS = []
    assert kim.is_in


def test_sessions_end_with_a_new_secret_key_alone(kim, settings):
    kim.sign_in()

    settings.SECRET_KEY = "n" * 60

    assert not kim.is_in


# --- What is taken out of a session for good ---


def test_what_is_taken_out_is_gone_under_another_key(db):
    store = kept(question="?", colour="blue")
    old = store.session_key

    assert store.pop_once("question") == "?"

    assert store.session_key != old
    assert "question" not in SessionStore(store.session_key)
    assert SessionStore(store.session_key)["colour"] == "blue"
    assert not Session.objects.filter(pk=stored_as(old)).exists()
    assert store.pop_once("question") is None
    assert SessionStore().pop_once("question") is None


def test_of_two_requests_with_one_session_only_one_takes_what_is_in_it(db):
    key = kept(question="?").session_key
    first, second = SessionStore(key), SessionStore(key)
    assert first["question"] == second["question"] == "?"

    assert first.pop_once("question") == "?"
    assert second.pop_once("question") is None

    assert not second.modified
    assert Session.objects.get().pk == stored_as(first.session_key)


# --- The digest ---


@pytest.mark.row("ASVS-16.2.5")
def test_the_table_knows_a_session_by_a_digest_of_its_key(kim):
    kim.sign_in()
    key = key_of(kim.client)

    row = Session.objects.get(user=kim.user)

    assert row.pk == stored_as(key) != key
    assert len(row.pk) == 40
    assert with_key(row.pk).get("/portal/").status_code == 302


def test_djangos_asynchronous_methods_use_the_digest_too(db):
    async def through():
        store = SessionStore()
        await store.aset("colour", "blue")
        await store.asave()
        first = store.session_key
        await store.acycle_key()
        await store.asave()
        seen = await SessionStore(store.session_key).aget("colour"), await store.aexists(first)
        second = store.session_key
        await store.adelete()
        return *seen, await store.aexists(second)

    assert async_to_sync(through)() == ("blue", False, False)


# --- The statement that reads it ---


def columns_of(row):
    return {field.attname: (type(value := getattr(row, field.attname)), value) for field in row._meta.concrete_fields}


def test_it_is_read_as_a_queryset_reads_it_with_its_user_and_their_company(kim, admin):
    """Every column, empty and full: two statements must not know two truths."""
    kim.sign_in()
    empty = Session.objects.select_related("user__company").get()
    now = timezone.now()
    for column in ("last_sign_in_at", "locked_at", "two_factor_changed_at"):
        setattr(kim.user, column, now)
    kim.user.locked_by = kim.user.two_factor_changed_by = admin
    kim.user.password_is_short = None
    kim.user.save()
    kim.user.company.two_factor_changed_at = now
    kim.user.company.save()
    Session.objects.update(address="2001:db8::1", browser="Ångström’s “browser”", proved_by="password totp")
    full = Session.objects.select_related("user__company").get()

    Session.objects.filter(pk=empty.pk).delete()
    for kept in (empty, full):
        kept.save()
        kept.user.save()
        kept.user.company.save()
        with CaptureQueriesContext(connection) as queries:
            read = session_of(kept.pk)
            same = [(read, kept), (read.user, kept.user), (read.user.company, kept.user.company)]
            for ours, theirs in same:
                assert type(ours) is type(theirs)
                assert columns_of(ours) == columns_of(theirs)
                assert (ours._state.adding, ours._state.db) == (theirs._state.adding, theirs._state.db)
        assert len(queries) == 1


def test_one_of_nobody_and_one_of_somebody_without_a_company_are_read_as_such(admin):
    nobodys = kept(a=1)
    admins = Person(admin)
    admins.sign_in()

    assert session_of(stored_as(nobodys.session_key)).user is None
    assert session_of(stored_as(key_of(admins.client))).user == admin
    assert session_of(stored_as(key_of(admins.client))).user.company is None
    assert session_of(stored_as("of nobody")) is None
