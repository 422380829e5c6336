"""Whatever changes people changes the listing with them: every act, an import, a change past all acts."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from hashlib import sha256
from random import Random

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts import addresses, people
from accounts.authorization import LastAdministrator, OutOfReach, ShutOut
from accounts.models import Role, User
from accounts.people import ChangedMeanwhile
from companies import letting_in
from companies import services as companies_services
from companies.listing import sql, upkeep
from companies.listing.kinds import ROLES, Kind
from companies.models import Company, Listing, Tally, Total
from m2v.start import Fit
from mfa import services
from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode
from notices.conditions import FEW_CODES
from tests.people import Person

RIGHT = {"people": 0, "numbers": 0, "totals": 0}


def kind_of(person):
    """What kind of person this is, by looking at each thing they have."""
    has_app = person.authenticator_apps.filter(confirmed=True).exists()
    passkeys = person.passkeys.filter(suspended_at=None).count()
    holds = {
        Kind.ACTIVE: person.is_active,
        Kind.APP: has_app,
        Kind.OWN_SWITCH: person.two_factor_enabled,
        Kind.PASSKEY: passkeys > 0,
        Kind.MORE_PASSKEYS: passkeys > 1,
        Kind.REQUESTED: PasskeyRequest.objects.filter(user=person).exists(),
        Kind.FEW_CODES: has_app and person.recovery_codes.filter(used_at=None).count() < FEW_CODES,
        Kind.NEVER_SIGNED_IN: person.last_sign_in_at is None,
        Kind.LOCKED: person.locked_at is not None,
        Kind.ADMINISTRATOR: person.role == Role.ADMINISTRATOR,
        Kind.COMPANY_ADMINISTRATOR: person.role == Role.COMPANY_ADMINISTRATOR,
        Kind.HELPDESK: person.role == Role.HELPDESK,
        Kind.AUDITOR: person.role == Role.AUDITOR,
    }
    return sum(kind for kind, does in holds.items() if does)


def assert_true():
    """The listing and the tally say of everybody what is true."""
    everybody = User.objects.get_queryset()
    expected = {
        person.pk: (
            person.company_id,
            kind_of(person),
            " " + person.search_text.replace("\n", " "),
            person.last_sign_in_at,
        )
        for person in everybody
    }
    kept = Listing.objects.values_list("person", "company", "kind", "text", "last_sign_in_at")
    assert {person: tuple(rest) for person, *rest in kept} == expected
    numbers = Counter()
    for company, kind, number in Tally.objects.values_list("company", "kind", "number"):
        numbers[company, kind] += number
    assert +numbers == Counter((company, kind) for company, kind, *_more in expected.values())
    totals = Counter()
    for kind, number in Total.objects.values_list("kind", "number"):
        totals[kind] += number
    assert +totals == Counter(kind for _company, kind, *_more in expected.values())
    assert upkeep.differences() == RIGHT
    for word in {person.username for person in everybody}:
        found = Listing.objects.filter(text__holds=word).values_list("person", flat=True)
        assert set(found) == {person.pk for person in everybody if word in person.search_text}


class Walk:
    """Acts at random on people at random."""

    def __init__(self, seed, admin):
        self.random = Random(seed)
        self.admin = admin
        self.number = 0

    def anybody(self):
        pks = User.objects.get_queryset().exclude(pk=self.admin.pk).order_by("username").values_list("pk", flat=True)
        return User.objects.get_queryset().get(pk=self.random.choice(pks))

    def company(self):
        return self.random.choice(Company.objects.order_by("name"))

    def new(self):
        self.number += 1
        return User(
            username=f"new{self.number}", first_name="Zoë", email=f"n{self.number}@a.example", company=self.company()
        )

    def create(self):
        people.create_user(self.new(), actor=self.admin)

    def bring_in(self):
        new = [self.new() for _ in range(self.random.randrange(5, 9))]
        for person, role in zip(new, Role.values, strict=False):
            person.role = role
        created = User.objects.bulk_create(new)
        AuthenticatorApp.objects.bulk_create(
            AuthenticatorApp(user=each, key=b"x", confirmed=True) for each in created[::2]
        )
        PasskeyRequest.objects.bulk_create(PasskeyRequest(user=each) for each in created[:2])
        RecoveryCode.objects.bulk_create(
            RecoveryCode(user=each, sealed_digest=b"x") for each in created for _ in "1234"
        )
        Passkey.objects.bulk_create(
            Passkey(user=each, name="k", credential_id=each.pk.bytes, public_key=b"k") for each in created
        )

    def profile(self):
        person = self.anybody()
        person.first_name, person.role, person.company = "Łucja", self.random.choice(Role.values), self.company()
        person.email = f"{self.random.random()}@b.example"
        people.change_user(person, changed=["first_name", "role", "company", "email"], actor=self.admin)

    def address(self):
        for pending in [addresses.waiting_for(person) for person in User.objects.get_queryset()]:
            if pending:
                addresses.withdraw(pending.user, actor=self.admin)

    def active(self):
        act = self.random.choice((people.deactivate_user, people.activate_user))
        act(self.anybody(), actor=self.admin)

    def lock(self):
        people.lock_user(self.anybody(), actor=self.admin)

    def let_in(self):
        kept = self.random.choice(((), ("app", "codes")))
        letting_in.let_in(self.anybody(), kept=kept, checked="in_person", reason="x", actor=self.admin)

    def switch(self):
        act = self.random.choice((services.enable_two_factor, services.disable_two_factor))
        act(self.anybody(), actor=self.admin)

    def set_up(self):
        Person(self.anybody()).set_up_app()

    def new_codes(self):
        person = self.anybody()
        services.make_recovery_codes(person, actor=person)

    def use_codes(self):
        codes = RecoveryCode.objects.filter(user=self.anybody(), used_at=None).values_list("pk", flat=True)[:8]
        RecoveryCode.objects.filter(pk__in=list(codes)).update(used_at=timezone.now())

    def passkey(self):
        Person(self.anybody()).add_passkey()

    def delete_passkey(self):
        for passkey in Passkey.objects.filter(user=self.anybody()):
            services.delete_passkey(passkey, actor=self.admin)

    def suspend_passkey(self):
        for passkey in Passkey.objects.filter(user=self.anybody(), suspended_at=None):
            services.suspend_passkey(passkey, "sign_count")

    def request(self):
        act = self.random.choice((services.request_passkey, services.delete_passkey_request))
        act(self.anybody(), actor=self.admin)

    def company_rule(self):
        act = companies_services.enable_company_two_factor, companies_services.disable_company_two_factor
        self.random.choice(act)(self.company(), actor=self.admin)

    def rename_company(self):
        companies_services.rename_company(self.company(), f"Ærø {self.random.random()}", actor=self.admin)

    def sign_in(self):
        User.objects.filter(pk=self.anybody().pk).update(last_sign_in_at=timezone.now())

    def many_at_once(self):
        User.objects.filter(company=self.company()).update(two_factor_enabled=True, search_text="same name")

    def hand_over(self):
        """Past all acts: a factor that changes hands."""
        for passkey in Passkey.objects.filter(user=self.anybody()):
            Passkey.objects.filter(pk=passkey.pk).update(user=self.anybody(), name=f"{self.random.random()}")
        AuthenticatorApp.objects.filter(user=self.anybody()).update(confirmed=False)

    def remove(self):
        with connection.cursor() as cursor:  # as somebody at the database would: the audit keeps whom it names
            gone = self.new()
            gone.save()
            RecoveryCode.objects.create(user=gone, sealed_digest=b"x")
            RecoveryCode.objects.filter(user=gone).delete()
            key = gone.pk if connection.vendor == "postgresql" else gone.pk.hex
            cursor.execute("DELETE FROM accounts_user WHERE id = %s", [key])

    def acts(self):
        own = {name: act for name, act in vars(Walk).items() if not name.startswith("_")}
        return [own[name] for name in sorted(own) if name not in {"anybody", "company", "new", "acts", "step"}]

    def step(self, act):
        with suppress(OutOfReach, ShutOut, ChangedMeanwhile, LastAdministrator, services.SetUpMeanwhile, ValueError):
            act(self)


@pytest.fixture
def walk(admin, company, other_company, request):
    walk = Walk(request.param, admin)
    walk.create()
    walk.bring_in()
    return walk


@pytest.mark.parametrize("walk", range(6), indirect=True)
def test_the_listing_says_what_is_true_after_any_acts_in_any_order(walk, mailoutbox):
    acts = walk.acts()
    assert_true()
    for _round in range(2):
        for act in walk.random.sample(acts, len(acts)):
            walk.step(act)
            assert upkeep.differences() == RIGHT, act
    assert_true()


def test_each_kind_of_person_is_met_on_the_walks(admin, company, other_company, mailoutbox):
    met = 0
    for seed in range(3):
        walk = Walk(seed, admin)
        walk.number = 1000 * seed
        walk.bring_in()
        for act in walk.random.sample(walk.acts(), len(walk.acts())):
            walk.step(act)
            for kind in Listing.objects.values_list("kind", flat=True).distinct():
                met |= kind

    assert Kind(met) == Kind(sum(Kind))


def test_whoever_changes_the_sql_makes_it_another_edition():
    """By it an upgrade tells whether what is in place is of before."""
    statements = [sql.TRUTH, *sql.FILL, *sql.sqlite(), *sql.postgresql()]

    assert (sql.EDITION, sha256("".join(statements).encode()).hexdigest()[:16]) == (1, "e5d88d14233f106c")


def test_every_role_but_a_members_has_its_bit():
    assert set(ROLES) == set(Role) - {Role.MEMBER}
    for role, kind in ROLES.items():
        assert f"WHEN '{role}' THEN {kind}" in sql.TRUTH


def test_the_tables_and_columns_of_the_sql_are_those_of_the_models():
    tables = {model._meta.db_table: model for model in (AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode)}

    assert set(sql.WATCHED) == set(tables)
    for table, columns in {**sql.WATCHED, sql.USERS: sql.OF_USERS}.items():
        model = tables.get(table, User)
        assert set(columns) <= {field.column for field in model._meta.fields}
    assert User._meta.db_table == sql.USERS
    tables = [model._meta.db_table for model in (Listing, Tally, Total)]
    assert tables == [sql.LISTING, sql.TALLY, sql.TOTAL]


@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_folding_changes_no_number(admin, make_user):
    for number in range(5):
        make_user(f"kim{number}")
    User.objects.filter(username__startswith="kim").update(two_factor_enabled=True)
    before = Tally.objects.count(), Total.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("SELECT listing_fold()")

    assert Tally.objects.count() < before[0]
    assert Total.objects.count() < before[1]
    assert_true()


def test_the_longest_names_there_are_fit(make_user, other_company):
    make_user("x" * 150, first_name="각" * 150, last_name="𐍈" * 150, email=f"{'ü' * 60}@{'y' * 60}.example")

    assert_true()


# --- Put in place, taken away ---


def test_doctor_finds_the_lists_right(admin, capsys):
    call_command("doctor")

    assert "The lists of people are right." in capsys.readouterr().out


def test_doctor_says_what_is_wrong_and_how_it_is_put_right(admin, kim, capsys):
    Listing.objects.filter(person=kim.user.pk).update(kind=0)
    Tally.objects.create(company=None, kind=3, number=7)
    Total.objects.create(kind=3, number=7)

    with pytest.raises(CommandError, match=r"2 rows and 2 numbers are wrong"):
        call_command("doctor")

    call_command("refill_lists")
    call_command("doctor")
    assert_true()


def test_filling_again_leaves_every_index_in_place(admin):
    def indexes():
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, Listing._meta.db_table)
        return {name: (each["columns"], each["unique"], each.get("type")) for name, each in found.items()}

    before = indexes()
    upkeep.put_in_place()

    assert indexes() == before
    assert {"listed_by_name", "listed_by_company", "listed_by_kind", "listed_by_sign_in"} <= set(before)
    assert ("listed_by_text" in before) is (connection.vendor == "postgresql")


def test_what_changed_while_nothing_kept_the_listing_is_made_good(admin, make_user):
    upkeep.take_away()
    assert not upkeep.in_place()
    make_user("kim")
    with pytest.raises(CommandError, match="Nothing keeps the lists"):
        call_command("doctor")
    upkeep.after_migrations()

    assert upkeep.in_place()
    assert_true()


def take_edition(number):
    with connection.cursor() as cursor:
        cursor.execute(f"DROP VIEW {upkeep.SAYS_EDITION}{sql.EDITION}")
        cursor.execute(f"CREATE VIEW {upkeep.SAYS_EDITION}{number} AS SELECT 1 AS kept")


def test_what_a_later_release_put_in_place_a_release_before_leaves(kim):
    take_edition(sql.EDITION + 1)
    upkeep.after_migrations()

    assert upkeep.in_place()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT kept FROM {upkeep.SAYS_EDITION}{sql.EDITION + 1}")


def test_what_a_release_before_put_in_place_is_not_this_ones(kim):
    take_edition(sql.EDITION - 1)
    assert not upkeep.in_place()
    upkeep.after_migrations()

    assert upkeep.in_place()
    assert_true()


@pytest.mark.parametrize(
    ("trigger", "table"), [("listing_person_new", sql.USERS), ("listing_mfa_passkey_gone", "mfa_passkey")]
)
def test_without_one_of_its_triggers_nothing_keeps_the_listing(admin, trigger, table):
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {trigger}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))

    assert not upkeep.in_place()


@pytest.mark.django_db
def test_a_site_whose_lists_nothing_keeps_does_not_serve():
    Fit().look()
    upkeep.take_away()

    with pytest.raises(ImproperlyConfigured, match=r"The lists of people are not of this version. Run `m2v upgrade`"):
        Fit().look()


def test_numbers_of_nobody_are_none_after_all_was_emptied(db):
    """`flush` empties tables in no order: factors that went after the numbers had left some below nothing."""
    Tally.objects.create(company=None, kind=3, number=-7)
    Total.objects.create(kind=3, number=-7)

    upkeep.after_migrations()

    assert not Tally.objects.exists()
    assert not Total.objects.exists()


def test_numbers_of_people_stay_when_there_was_nothing_to_migrate(kim):
    before = set(Tally.objects.values_list("kind", "number"))

    upkeep.after_migrations()

    assert set(Tally.objects.values_list("kind", "number")) == before != set()
