"""One administrator who can sign in remains, and nobody changes their own role or company: whatever way an act takes."""

from __future__ import annotations

from contextlib import suppress
from io import StringIO
from random import Random

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import people
from accounts.models import Role, User
from audit.models import AuditEvent
from companies.bulk import choosing, running
from companies.bulk.acts import MASS_ACTS
from companies.importing import running as importing
from companies.importing.checking import CheckedFile
from companies.importing.reading import read
from companies.models import Import
from mfa.models import Passkey, PasskeyRequest
from tests.companies import USERS
from tests.people import Person
from tests.test_races import demote, in_parallel, lock, refused, still_administering, wipe

pytestmark = pytest.mark.django_db(transaction=True)
BOSSES = 4


@pytest.fixture
def bosses(make_user):
    return [make_user(f"boss{n}", role=Role.ADMINISTRATOR, company=None) for n in range(BOSSES)]


# --- Each way to an act, as far as the actor gets ---


def page(actor, subject, act):
    """A click on the subject's page."""
    actor.client.post(f"{USERS}{subject.pk}/{act}/", {"reason": "Left", "sure": "on", "username": subject.username})


def profile(actor, subject, _act):
    """The form of the subject's profile, with a lower role."""
    fields = {"username": subject.username, "first_name": "", "last_name": "", "email": subject.email, "language": ""}
    seen = {f"seen-{name}": value for name, value in fields.items()} | {"seen-role": subject.role, "seen-company": ""}
    actor.client.post(f"{USERS}{subject.pk}/", {**fields, **seen, "role": "member", "company": "Acme Machines"})


def bulk(actor, _subject, act):
    """An act on all administrators, whoever they are, the actor too."""
    keys = [str(pk) for pk in User.objects.filter(role=Role.ADMINISTRATOR).values_list("pk", flat=True)]
    run = choosing.from_ticked(actor.user, act, keys)
    running.begin(run, actor=actor.user, total=len(keys), signs_out=False)


def imported(actor, subject, _act):
    """A file that names the actor and the subject in other letters, with another role and a company."""
    text = "user name;role;company;e-mail\n" + "".join(
        f"{user.username.upper()};member;Acme Machines;{user.email.upper()}\n" for user in (actor.user, subject)
    )
    actor.client.post(f"{USERS}import/", {"file": SimpleUploadedFile("people.csv", text.encode())})
    kept = Import.objects.filter(owner=actor.user.pk, begun_at=None).latest("created_at")
    importing.begin(kept, actor=actor.user, invites=False, requires=True)


def command(_actor, subject, act):
    """What the server's shell does."""
    options = {"stdout": StringIO(), "reason": "They asked"}
    with suppress(CommandError):
        if act == "erase":
            call_command("erase_person", subject.username, for_good=True, **options)
        else:
            call_command("mfa", act, subject.username, sign_out=True, **options)


WAYS = [
    *((page, act) for act in ("deactivate", "lock", "erase")),
    (profile, ""),
    *((bulk, act) for act in MASS_ACTS),
    (imported, ""),
    *((command, act) for act in ("erase", "reset", "stop", "require")),
]


def refuse_the_password(user):
    """Their passkey is all that they sign in with."""
    User.objects.filter(pk=user.pk).update(password="!")


@pytest.mark.parametrize("seed", range(4))
def test_whatever_administrators_do_one_remains_and_nobody_changes_themselves(bosses, company, seed):
    random, done = Random(seed), set()
    passkey_alone = Person(bosses[-1])
    passkey_alone.add_passkey()
    refuse_the_password(bosses[-1])

    for _step in range(30):
        User.objects.update(two_factor_enabled=False)  # else each would set something up first
        PasskeyRequest.objects.all().delete()
        there = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True, locked_at=None)
        there = there.exclude(password__startswith="!").order_by("username")
        if not there:
            break
        actor = Person(random.choice(list(there)))
        actor.sign_in()
        subject = random.choice([*User.objects.filter(username__startswith="boss"), actor.user])
        way, act = random.choice(WAYS)
        before = User.objects.values("role", "company", "is_active", "locked_at").get(pk=actor.user.pk)
        lines = AuditEvent.objects.count()

        way(actor, subject, act)

        assert still_administering() >= 1, (way, act)
        if way is not command:
            assert User.objects.values("role", "company", "is_active", "locked_at").get(pk=actor.user.pk) == before
        if AuditEvent.objects.count() > lines:
            done.add(way)
    assert len(done) >= 3, "they did something"


@pytest.mark.parametrize("act", ["reset", "stop"])
def test_the_shell_takes_no_last_way_in_of_the_last_administrator(make_person, act):
    last = make_person("last", role=Role.ADMINISTRATOR, company=None)
    last.add_passkey()
    refuse_the_password(last.user)

    with suppress(CommandError):
        call_command("mfa", act, "last", reason="They asked", stdout=StringIO())

    assert still_administering() == 1
    assert Passkey.objects.filter(user=last.user).count() == 1


def prepared(act, actor, *subjects):
    """An act on many that a worker is about to begin."""
    run = choosing.from_ticked(actor, act, [str(subject.pk) for subject in subjects])
    type(run).objects.filter(pk=run.pk).update(begun_at=timezone.now(), epoch=actor.session_epoch, total=len(subjects))
    return run


OTHERS = {
    "many": lambda subject, actor: running.work(prepared("deactivate", actor, subject).pk),
    "click": lambda subject, actor: refused(lambda: people.deactivate_user(subject, actor=actor)),
    "down": lambda subject, actor: refused(lambda: demote(subject, actor)),
    "lock": lambda subject, actor: refused(lambda: lock(subject, actor)),
    "erased": lambda subject, actor: refused(lambda: wipe(subject, actor)),
    "shell": lambda subject, _actor: command(None, subject, "erase"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_of_two_administrators_who_shut_each_other_out_at_once_by_an_act_on_many_one_remains(make_user, company, other):
    for turn in range(4):
        User.objects.update(role=Role.MEMBER)
        one, two = (make_user(f"boss{turn}{n}", role=Role.ADMINISTRATOR, company=None) for n in range(2))
        run = prepared("deactivate", one, two)

        in_parallel([lambda run=run: running.work(run.pk), lambda a=one, b=two: OTHERS[other](a, b)])

        assert still_administering() == 1


def test_of_three_acts_on_all_administrators_at_once_one_remains(bosses):
    runs = [prepared("deactivate", boss, *bosses) for boss in bosses[:3]]

    in_parallel([lambda run=run: running.work(run.pk) for run in runs])

    assert still_administering() >= 1


def test_a_file_gives_no_role_above_ones_own_and_nobody_another_company(carla, company, other_company, make_user):
    """Neither to newcomers, nor to whoever is there."""
    make_user("ben", company=other_company)
    lines = [
        "new1;administrator;Acme Machines",
        "new2;auditor;",
        "new3;member;Nordwind Fördertechnik GmbH",
        "CARLA;administrator;Acme Machines",
        "Ben;member;Acme Machines",
        "new4;company administrator;Acme Machines",
    ]
    table = read("user name;role;company\n" + "\n".join(lines), "UTF-8")
    before = dict(User.objects.values_list("username", "role"))

    checked = CheckedFile(table, carla.user)
    kept = importing.keep(carla.user, "people.csv", "user name;role;company\n" + "\n".join(lines), table)
    importing.begin(kept, actor=carla.user, invites=False, requires=False)

    ranks = {Role.MEMBER, Role.HELPDESK, Role.AUDITOR, Role.COMPANY_ADMINISTRATOR}
    assert {each.user.username for each in checked.people} >= {"new4"}
    made = User.objects.exclude(username__in=before)
    assert {person.role for person in made} <= ranks
    assert {person.company for person in made} == {company}
    assert not made.filter(username__in=["new1", "new3"]).exists()
    assert dict(User.objects.filter(username__in=before).values_list("username", "role")) == before
    assert User.objects.get(username="ben").company == other_company
