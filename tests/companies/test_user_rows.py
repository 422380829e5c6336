"""Rows of the list of people: one of each look is written, and filled in for everybody who looks so."""

from datetime import timedelta
from random import Random
from types import SimpleNamespace
from uuid import UUID

from django.template.loader import render_to_string
from django.utils import timezone
from pytest_django.asserts import assertHTMLEqual

from accounts import dates
from accounts.models import Role, User
from accounts.permissions import OF_ROLE
from accounts.templatetags.people import initials
from companies.models import Company
from companies.views.user_rows import ROW, rows_of
from mfa.queries import listed_state

LETTERS = "aé<>&\"'{}%0!"


def somebody(random):
    """Somebody as the list reads them, not saved, with a name that is hard to write."""

    def name():
        return "".join(random.choices(LETTERS, k=6))

    def time():
        return random.choice([None, timezone.now() - timedelta(days=random.randrange(40))])

    def chance():
        return random.random() < 0.5

    company = Company(name=name(), two_factor_enabled=chance()) if chance() else None
    person = User(
        username=name(), first_name=name(), last_name=name(), company=company, role=random.choice(list(Role)),
        is_active=chance(), locked_at=time(), last_sign_in_at=time(), two_factor_enabled=chance(),
    )  # fmt: skip
    person.has_app, person.passkey_requested = chance(), chance()
    person.passkey_count, person.factor_demanded = random.randrange(4), chance()
    person.reminded_at, person.erased_at = time(), time()
    return person


def written_alone(person, viewer, query, *, picks):
    """What the template writes for them without any place left open."""
    told = person.reminded_at and (person.passkey_requested or not person.has_app)
    last = person.last_sign_in_at and dates.moment(person.last_sign_in_at)
    look = SimpleNamespace(
        permissions=OF_ROLE[viewer.role], picks=picks, is_self=person == viewer, active=person.is_active,
        locked=person.locked_at, has_company=person.company, role=Role(person.role), state=listed_state(person),
        required=person.required_by_company, reminded=told, requested=person.passkey_requested,
        passkeys=person.passkey_count, signed_in=last, erased=person.erased_at, shows_logins=True,
    )  # fmt: skip
    words = {
        "place": 1, "users": "/settings/administration/users/", "companies": "/settings/administration/companies/",
        "query": query, "pk": person.pk, "initials": initials(person), "name": person.get_full_name(),
        "username": person.username, "company": person.company and person.company.name, "company_pk": person.company_id,
        "reminded": told and dates.day(person.reminded_at), "last": last and last[:1].upper() + last[1:],
    }  # fmt: skip
    return render_to_string(ROW, {"look": look, **words})


def test_a_filled_row_is_what_the_template_writes_for_the_person_alone():
    random = Random(7)
    for _time in range(300):
        viewer = User(pk=UUID(int=1), username="petra", role=random.choice([*OF_ROLE]))
        query, picks = random.choice(["", "?q=%7B0%7D&sort=last", "?q={name}<"]), random.random() < 0.5
        person = random.choice([viewer, somebody(random)])
        if person is viewer:
            vars(viewer).update(
                {key: value for key, value in vars(somebody(random)).items() if key not in {"id", "role"}}
            )
        (row,) = rows_of([person], viewer, query, picks=picks)

        assertHTMLEqual(row, written_alone(person, viewer, query, picks=picks))


def test_words_that_look_like_code_or_places_stay_words(administrator, make_user):
    make_user("kim", first_name="<script>{name}</script>", last_name='"&{{ pk }}')
    page = administrator.client.get("/settings/administration/users/").content.decode()

    assert "&lt;script&gt;{name}&lt;/script&gt; &quot;&amp;{{ pk }}" in page
    assert "<script>{" not in page


def test_who_looks_at_the_list_is_told_apart_by_what_they_may(administrator, make_person):
    auditor = make_person("aud", role=Role.AUDITOR, company=None)
    auditor.sign_in()
    pages = [
        each.client.get("/settings/administration/users/").content.decode()
        for each in (administrator, auditor, administrator)
    ]

    assert [page.count('class="pick"') > 0 for page in pages] == [True, False, True]
    assert [page.count("(you)") for page in pages] == [1, 1, 1]
