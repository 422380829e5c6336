"""People from a file: what would happen is shown, line by line, and nothing is done before somebody says so."""

from __future__ import annotations

import csv
import re
from contextlib import closing
from datetime import timedelta
from html import unescape
from io import BytesIO, StringIO
from time import process_time, time

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone, translation
from django_tasks_db.models import DBTaskResult

from accounts import invitations, people
from accounts.background import KEPT_WAITING, SILENT_SECONDS
from accounts.models import Budget, Role, User
from accounts.throttle import lanes
from audit.models import AuditEvent
from companies.importing import inviting, running
from companies.importing.checking import CheckedFile
from companies.importing.reading import MOST_IN_A_FILE, NotRead, decoded, read
from companies.models import Company, Import
from tests.accounts.walk import everything
from tests.companies import polled
from tests.companies import read as read_page
from tests.people import Person

IMPORT = "/settings/administration/users/import/"
BY_A_WORKER = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
HEAD = "user name,first name,last name,e-mail,company,role,language\n"
BERNADETTE = "b.achterberg,Bernadette,Achterberg-Quandt,b.achterberg@kepler.example,Acme Machines,member,en\n"
FRIEDRICH = "fw.o,Friedrich-Wilhelm,Ochsenknecht,fw@kepler.example,acme machines,Company administrator,\n"


def send(person, text, name="kepler.csv"):
    """Send a file; the page that follows."""
    sent = BytesIO(text if isinstance(text, bytes) else text.encode())
    sent.name = name
    return person.client.post(IMPORT, {"file": sent}, follow=True)


def words(answer):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def said(text, actor):
    """(line, column, what) of each mistake in a file."""
    checked = CheckedFile(read(text, "UTF-8"), actor)
    return [(each.line, each.column, each.what) for each in checked.mistakes]


@pytest.fixture
def go(django_capture_on_commit_callbacks):
    """`go(person, …)` says that what was sent is to be imported, and waits for the end."""

    def confirm(person, **fields):
        kept = Import.objects.get(owner=person.user.pk)
        with django_capture_on_commit_callbacks(execute=True):
            answer = person.client.post(f"{IMPORT}{kept.pk}/", fields)
        kept.refresh_from_db()
        return answer, kept

    return confirm


# --- Reading ---


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_files_of_every_spreadsheet_are_read(separator, encoding):
    text = (
        separator.join(["User_Name", "E-Mail", "Last name"]) + "\r\n" + separator.join(["mü", "m@x.example", "Müller"])
    )
    text, name = decoded(text.encode(encoding))

    table = read(text, name)

    assert name == ("Windows-1252" if encoding == "cp1252" else "UTF-8")
    assert table.separator == separator
    assert table.lines[0].cells == {"username": "mü", "email": "m@x.example", "last_name": "Müller"}
    assert table.lines[0].number == 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_what_excel_calls_unicode_text_is_read(encoding, administrator, company, go):
    """It writes UTF-16 with tabs."""
    text = "user name\tlast name\tcompany\r\nmü\tMüller\tAcme Machines\r\n"
    mark = "" if encoding == "utf-16" else "\ufeff"

    page = words(send(administrator, (mark + text).encode(encoding)))
    go(administrator)

    assert "UTF-16" in page
    assert User.objects.get(username="mü").last_name == "Müller"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_line_that_tells_excel_the_separator_is_none_of_the_file(separator, end):
    lines = [f"sep={separator}", separator.join(["user name", "notes"]), separator.join(["kim", "a,b;c"])]
    if separator in ",;":
        lines[2] = f'kim{separator}"a,b;c"'

    table = read(end.join(lines) + end, "UTF-8")

    assert table.separator == separator
    assert [(line.number, line.cells) for line in table.lines] == [(3, {"username": "kim"})]
    assert table.unread == ["notes"]


@pytest.mark.parametrize(
    "heading", ["E\u2011Mail", "\ufeffe-mail", " E_MAIL ", "e\u00a0mail", '"e-mail"', "E\u2013Mail"]
)
def test_headings_are_read_as_word_processors_write_them(heading):
    table = read(f"{heading};user name\nk@x.example;kim\n", "UTF-8")

    assert table.lines[0].cells == {"username": "kim", "email": "k@x.example"}


def test_a_text_of_several_lines_stays_in_its_cell(admin, company):
    """In a column that is not ours it is nothing to us; in a name it is said where it is."""
    text = 'user name;first name;company;notes\r\nkim;"Kim\r\nEva";Acme Machines;\r\nada;Ada;Acme Machines;"one\r\ntwo;three"\r\n'
    checked = CheckedFile(read(text, "UTF-8"), admin)

    assert [each.user.username for each in checked.people] == ["ada"]
    assert [(each.line, each.column) for each in checked.mistakes] == [(2, "first_name")]


SAME = [
    ("jürgen", "JU\u0308RGEN"),  # composed and decomposed
    ("straße", "STRASSE"),
    ("kim", "\uff2b\uff29\uff2d"),  # full width
    ("anna", "\tAnna "),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_person_in_other_letters_is_one(one, other, admin, company, make_user):
    lines = f"user name,company\n{one},Acme Machines\n{other},Acme Machines\n"
    assert [(line, column) for line, column, _what in said(lines, admin)] == [(3, "username")]

    make_user(one, email="")
    assert {(line, column) for line, column, _what in said(lines, admin)} == {(2, "username"), (3, "username")}


@pytest.mark.parametrize(
    ("one", "other"),
    [("kim@acme.example", "KIM@ACME.EXAMPLE"), ("kim@bücher.example", "kim@xn--bcher-kva.example"),],
)  # fmt: skip
def test_one_address_in_other_letters_is_one(one, other, admin, company, make_user):
    lines = f"user name,e-mail,company\na1,{one},Acme Machines\na2,{other},Acme Machines\n"
    assert [(line, column) for line, column, _what in said(lines, admin)] == [(3, "email")]

    make_user("ben", email=one)
    assert {(line, column) for line, column, _what in said(lines, admin)} == {(2, "email"), (3, "email")}


def test_a_hundred_thousand_lines_are_refused_at_once_and_leave_nothing(administrator):
    content = b"user name;company\n" + b"".join(b"u%06d;Acme\n" % number for number in range(100_000))
    begun, before = process_time(), Import.objects.count()

    page = send(administrator, content)

    assert page.status_code == 400
    assert "The file has 100000 people, and 10000 is the most at a time. Divide it." in words(page)
    assert Import.objects.count() == before
    assert process_time() - begun < 10


def test_lines_have_the_numbers_that_an_editor_shows():
    table = read('user name,last name\n\n"kim","Han\nsen"\n\nada,\n', "UTF-8")

    assert [(line.number, line.cells["username"]) for line in table.lines] == [(3, "kim"), (6, "ada")]


def test_what_an_export_put_before_a_formula_is_taken_away_again():
    table = read("user name,first name,last name\nkim,'=1+1,'Nuff\n", "UTF-8")

    assert table.lines[0].cells == {"username": "kim", "first_name": "=1+1", "last_name": "'Nuff"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The file is empty."),
        (b" \n\n", "The file is empty."),
        (b"PK\x03\x04\x14\x00", "This is a workbook, not a CSV file."),
        ("user name\nkim".encode("utf-16")[:-1], "The file begins as UTF-16"),
        (b"user name\n\x81\x8d", "The file is neither UTF-8 nor Windows-1252"),
        (b"user name\nk\x00m", "This is not a CSV file"),
        (b"name,mail\nkim,x", "The first line has no heading “user name”. It reads: “name”, “mail”."),
        (b"user name,username\nkim,x", "Two columns are called “user name”."),
        (b"user name\n", "Below the headings there is no line"),
        (b"user name\n" + b"kim\n" * (MOST_IN_A_FILE + 1), "The file has 10001 people, and 10000 is the most"),
        (b'user name\n"' + b"kim\n" * 40_000, "From line 2 on the file cannot be read: a quotation mark is not closed"),
        (
            b'user name,notes\nkim,a\nada,"tea\nben,b\n',
            "From line 3 on the file cannot be read: a quotation mark is not",
        ),
        (b'user name,notes\nkim,"tea" or so\n', "Line 2 cannot be read: something stands behind a closing quotation"),
    ],
)
def test_what_is_no_file_of_people_is_refused_with_what_to_do(content, why, administrator):
    with pytest.raises(NotRead) as refused:
        read(*decoded(content))

    assert why in str(refused.value)
    page = send(administrator, content)
    assert page.status_code == 400
    assert why.split("“")[0] in words(page)
    assert not Import.objects.exists()


def test_without_a_file_the_page_asks_for_one(administrator):
    answer = administrator.client.post(IMPORT, {})

    assert answer.status_code == 400
    assert "Choose a file first." in words(answer)


# --- What would happen ---


def test_first_is_shown_what_would_happen_and_nothing_is_saved(administrator, company):
    before = everything("Import", "Session")

    page = words(send(administrator, HEAD + BERNADETTE + FRIEDRICH))

    assert "Nothing is saved yet. This is what would happen:" in page
    assert "kepler.csv · 2 lines · UTF-8, separated by commas" in page
    assert "2 people are created in Acme Machines" in page
    assert "Member: 1 · Company administrator: 1" in page
    assert "Bernadette Achterberg-Quandt" in page
    assert "Import 2 people" in page
    assert everything("Import", "Session") == before


@pytest.mark.parametrize(
    ("line", "column", "what"),
    [
        (",Kim,,,Acme Machines,,", "username", "A user name is needed. Enter one."),
        ("kim hansen,,,,Acme Machines,,", "username", "A user name has letters, digits"),
        (f"{'k' * 151},,,,Acme Machines,,", "username", "at most 150 characters"),
        ("kim,www.acme.example,,,Acme Machines,,", "first_name", "A name cannot contain an address."),
        ("kim,,,h.brinkmann@kepler,Acme Machines,,", "email", "This is not a complete e-mail address. Add what comes after “kepler”."),
        ("kim,,,nobody,Acme Machines,,", "email", "Enter an e-mail address such as"),
        ("kim,,,,Acme Machines,Abteilungsleiterin,", "role", "There is no such role. Write one of: “member”, "),
        ("kim,,,,Nowhere,,", "company", "There is no company with this name."),
        ("kim,,,,,member,", "company", "Members and company administrators belong to a company."),
        ("kim,,,,Acme Machines,,klingon", "language", "m2v does not speak this language. Write one of: “en”, “de”"),
        ("kim,,,,Acme Machines,,,,x", "", "This line has more cells than the first one."),
        ("PETRA,,,,Acme Machines,,", "username", "This user name is taken."),
        ("kim,,,Petra@acme.example,Acme Machines,,", "email", "This e-mail address belongs to another account."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_by_line_and_column_with_what_to_do(line, column, what, admin, company):
    [(number, where, why)] = said(f"{HEAD}{line}\n", admin)

    assert (number, where) == (2, column)
    assert what in why


def test_headings_roles_and_languages_are_read_in_every_language_of_the_site(admin, company):
    text = "Benutzername;Vorname;E-Mail;Firma;Rolle;Sprache\nkim;Kim;kim@kepler.example;Acme Machines;Firmenadministrator;deutsch\n"
    checked = CheckedFile(read(text, "UTF-8"), admin)

    assert checked.mistakes == []
    [newcomer] = checked.people
    assert (newcomer.user.role, newcomer.user.language) == (Role.COMPANY_ADMINISTRATOR, "de")


def test_what_is_wrong_is_said_in_the_language_of_who_reads_it(admin, company):
    with translation.override("de"):
        [(_number, _where, why)] = said(f"{HEAD}kim,,,,Nowhere,,\n", admin)
        [(_number, _where, of_role)] = said(f"{HEAD}kim,,,,Acme Machines,chief,\n", admin)

    assert why.startswith("Es gibt keine Firma mit diesem Namen.")
    assert "„Administrator“" in of_role
    assert "“Administrator”" not in of_role


def test_a_name_or_an_address_that_comes_twice_is_a_mistake_of_the_second_line(admin, company):
    text = HEAD + BERNADETTE + "B.ACHTERBERG,,,,Acme Machines,,\nother,,,B.Achterberg@KEPLER.example,Acme Machines,,\n"

    assert said(text, admin) == [
        (3, "username", "This is already in line 2. Each person has their own."),
        (4, "email", "This is already in line 2. Each person has their own."),
    ]


def test_while_there_are_errors_nothing_is_imported_unless_it_is_asked_for(administrator, company, go):
    page = words(send(administrator, HEAD + BERNADETTE + "kim hansen,,,,Acme Machines,,\n"))
    assert "1 line has an error" in page
    assert "Import the one without errors" in page
    before = User.objects.count()

    answer, _kept = go(administrator, invite="on")

    assert answer.status_code == 409
    assert "nothing is imported yet" in words(answer)
    assert User.objects.count() == before

    _answer, kept = go(administrator, invite="on", part="1")
    assert kept.made == 1
    assert User.objects.filter(username="b.achterberg").exists()


def test_a_line_that_is_wrong_by_now_stops_it_before_anybody_is_made(administrator, company, make_user, go):
    send(administrator, HEAD + BERNADETTE + FRIEDRICH)
    make_user("fw.o")

    answer, _kept = go(administrator)

    assert answer.status_code == 409
    assert not User.objects.filter(username="b.achterberg").exists()


def test_the_lines_with_errors_come_as_a_file_to_be_mended(administrator, company):
    send(administrator, HEAD + BERNADETTE + '"=kim","Kim",,kim@kepler,Acme Machines,,\n')
    kept = Import.objects.get()

    answer = administrator.client.get(f"{IMPORT}{kept.pk}/errors/")

    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["line"], row["user name"], row["first name"]) for row in rows] == [("3", "'=kim", "Kim")]
    assert "user name: A user name has letters" in rows[0]["what is wrong"]
    assert "e-mail: This is not a complete" in rows[0]["what is wrong"]
    assert answer.headers["Content-Disposition"].startswith("attachment")


# --- What happens ---


def test_everybody_is_made_as_by_a_click_and_invited(administrator, company, go, mailoutbox):
    send(administrator, HEAD + BERNADETTE + FRIEDRICH)

    answer, kept = go(administrator, invite="on")

    assert answer.headers["Location"] == f"{IMPORT}{kept.pk}/"
    assert (kept.made, kept.invited, kept.text) == (2, 2, "")
    person = User.objects.get(username="fw.o")
    assert (person.company, person.role, person.language) == (company, Role.COMPANY_ADMINISTRATOR, "")
    assert not person.has_usable_password()
    actions = AuditEvent.objects.filter(subject=person, actor=administrator.user).order_by("pk")
    assert list(actions.values_list("action", flat=True)) == ["user_created", "user_invited"]
    assert sorted(mail.to[0] for mail in mailoutbox) == ["b.achterberg@kepler.example", "fw@kepler.example"]
    assert "/invitation/" in mailoutbox[0].body
    line = AuditEvent.objects.get(action="users_imported")
    assert line.actor == administrator.user
    assert line.details == {
        "act": "import",
        "many": str(kept.pk),
        "changed": 2,
        "roles": {"member": 1, "company_administrator": 1},
        "name": "kepler.csv",
        "lines": 2,
        "invited": 2,
    }
    page = words(administrator.client.get(f"{IMPORT}{kept.pk}/"))
    assert "The import is done" in page
    assert "2 people were created" in page


def test_an_import_that_is_over_is_found_again_for_a_day(administrator, carla, company, go):
    send(administrator, HEAD + BERNADETTE + FRIEDRICH + "kim hansen,,,,Acme Machines,,\n")
    _answer, kept = go(administrator, part="2")

    page = read_page(administrator.client.get(IMPORT))

    assert "“kepler.csv” is imported: 2 people were created. Result" in page.words
    assert page.links["Result"] == f"{IMPORT}{kept.pk}/"
    assert "Result" not in read_page(carla.client.get(IMPORT)).links


def test_the_invitation_of_an_import_opens(administrator, company, go, mailoutbox):
    send(administrator, HEAD + BERNADETTE)
    go(administrator, invite="on")
    link = next(word for word in mailoutbox[0].body.split() if "/invitation/" in word)

    assert Person(administrator.user).client.get(link, follow=True).status_code == 200


def test_nobody_is_invited_where_that_is_not_ticked(administrator, company, go, mailoutbox):
    send(administrator, HEAD + BERNADETTE)

    _answer, kept = go(administrator)

    assert (kept.made, kept.invited, kept.uninvited, mailoutbox) == (1, 0, [], [])


def test_nobody_can_be_invited_where_nobody_has_an_address(administrator, company):
    without = "kim.ohne,Kim,Ohne,,Acme Machines,,\n"
    page = read_page(send(administrator, HEAD + without))

    tick = page.one("input", name="invite")
    assert ("disabled" in tick.attrs, "checked" in tick.attrs) == (True, False)
    assert "None of these people has an address." in page.words
    assert "0 have an address" not in page.words

    page = read_page(send(administrator, HEAD + without + BERNADETTE))
    tick = page.one("input", name="invite")
    assert ("disabled" in tick.attrs, "checked" in tick.attrs) == (False, True)
    assert "1 has an address." in page.words


def test_2fa_is_required_of_them_with_no_mail_but_the_invitation(administrator, company, go, mailoutbox):
    send(administrator, HEAD + BERNADETTE)

    go(administrator, invite="on", require="on")

    person = User.objects.get(username="b.achterberg")
    assert person.two_factor_enabled
    assert AuditEvent.objects.filter(subject=person, action="two_factor_enabled", actor=administrator.user).exists()
    assert [mail.subject for mail in mailoutbox] == ["Your m2v account"]


@pytest.mark.parametrize(("language", "heading"), [("en", b"user name"), ("de", b"Benutzername")])
def test_an_exported_list_can_be_sent_as_it_is(language, heading, administrator, company, make_user, go):
    User.objects.filter(pk=administrator.user.pk).update(language=language)
    make_user("kim", first_name="Jürgen", last_name="=Groß; =mann", email="-kim@acme.example")
    answer = administrator.client.post("/settings/administration/users/export/")
    exported = b"".join(answer.streaming_content).replace(b"kim", b"tom")
    assert heading in exported
    User.objects.filter(pk=administrator.user.pk).update(language="en")  # an import knows headings of every language

    send(administrator, b"\r\n".join(line for line in exported.split(b"\r\n") if b"petra" not in line))
    _answer, kept = go(administrator)

    assert kept.made == 1, kept.mistakes
    tom = User.objects.get(username="tom")
    assert (tom.first_name, tom.last_name, tom.email) == ("Jürgen", "=Groß; =mann", "-tom@acme.example")


@pytest.fixture
def invitations_left(administrator):
    """`invitations_left(2)`: so many of the day are left to `administrator`."""

    def leave(number):
        lane = lanes.import_lane(administrator.user)
        used = {"failures": lane.free - number, "blocked_until": 0, "last_at": time(), "began_at": time()}
        Budget.objects.update_or_create(key=lane.key, defaults=used)

    return leave


def invitations_of(person):
    return AuditEvent.objects.filter(subject=person, action="user_invited").count()


def test_a_file_of_more_people_than_a_day_has_invitations_for_says_how_many_wait(
    administrator, company, invitations_left
):
    invitations_left(1)

    page = words(send(administrator, HEAD + BERNADETTE + FRIEDRICH))
    assert "2 have an address." in page
    assert "1 can be sent now, and the other one from" in page

    invitations_left(0)
    page = words(send(administrator, HEAD + BERNADETTE + FRIEDRICH))
    assert "The invitations of this day are used up: these can be sent from" in page

    invitations_left(2)
    assert "in one day" not in words(send(administrator, HEAD + BERNADETTE + FRIEDRICH))


def test_those_beyond_a_days_invitations_are_invited_later(administrator, company, go, mailoutbox, invitations_left):
    invitations_left(2)
    send(
        administrator,
        HEAD + BERNADETTE + FRIEDRICH + "".join(f"k{n},,,k{n}@kepler.example,Acme Machines,,\n" for n in range(45)),
    )

    _answer, kept = go(administrator, invite="on")

    assert (kept.made, kept.invited, len(kept.uninvited), len(mailoutbox)) == (47, 2, 45, 2)
    page = words(administrator.client.get(f"{IMPORT}{kept.pk}/"))
    assert "45 are not invited yet" in page
    assert "The invitations of this day are used up. There are more from" in page
    assert "45 people from “kepler.csv” are not invited yet." in words(administrator.client.get(IMPORT))

    _answer, kept = go(administrator)
    assert (kept.invited, len(kept.uninvited), len(mailoutbox)) == (2, 45, 2), "none is left today"

    invitations_left(30)
    page = words(administrator.client.get(f"{IMPORT}{kept.pk}/"))
    assert "30 can be invited now, the other 15 from" in page
    assert "Invite 30 of them" in page
    _answer, kept = go(administrator)
    assert (kept.invited, len(kept.uninvited), len(mailoutbox)) == (32, 15, 32)

    invitations_left(100)
    assert "All of them can be invited now. " in words(administrator.client.get(f"{IMPORT}{kept.pk}/"))
    _answer, kept = go(administrator)
    assert (kept.invited, kept.uninvited, kept.beat, kept.stopped) == (47, [], None, "")
    assert sorted(mail.to[0] for mail in mailoutbox) == sorted(
        User.objects.exclude(email="").filter(username__regex="^(k[0-9]|b.ach|fw)").values_list("email", flat=True)
    )
    assert {invitations_of(person) for person in User.objects.filter(username__startswith="k")} == {1}
    assert "not invited yet" not in words(administrator.client.get(IMPORT))


def test_the_rest_leaves_out_whom_somebody_invited_or_shut_out_meanwhile(
    administrator, company, go, mailoutbox, invitations_left
):
    invitations_left(0)
    send(administrator, HEAD + BERNADETTE + FRIEDRICH + "kim,,,kim@kepler.example,Acme Machines,,\n")
    _answer, kept = go(administrator, invite="on")
    bernadette, friedrich = (User.objects.get(username=name) for name in ("b.achterberg", "fw.o"))
    invitations.invite(bernadette, actor=administrator.user)
    people.deactivate_user(friedrich, actor=administrator.user)
    invitations_left(10)
    mailoutbox.clear()

    _answer, kept = go(administrator)

    assert (kept.invited, kept.uninvited) == (1, [])
    assert [mail.to for mail in mailoutbox] == [["kim@kepler.example"]]
    assert (invitations_of(bernadette), invitations_of(friedrich)) == (1, 0)


def test_whoever_may_invite_no_more_is_told_and_nobody_is_lost(administrator, company, go, make_user, invitations_left):
    invitations_left(0)
    send(administrator, HEAD + BERNADETTE)
    _answer, kept = go(administrator, invite="on")
    make_user("ada", role=Role.ADMINISTRATOR)
    invitations_left(10)
    User.objects.filter(pk=administrator.user.pk).update(role=Role.AUDITOR)

    inviting.invite_the_rest(kept.pk)

    kept.refresh_from_db()
    assert kept.stopped == "What you may do has changed meanwhile, or you were signed out."
    assert len(kept.uninvited) == 1


def test_the_names_of_the_uninvited_outlast_their_file(administrator, company, go, invitations_left):
    invitations_left(0)
    send(administrator, HEAD + BERNADETTE)
    go(administrator, invite="on")
    now = timezone.now()
    Import.objects.update(begun_at=now - timedelta(days=29), ended_at=now - timedelta(days=29), mistakes=[{"line": 2}])

    assert running.forget_old_imports() == 0
    kept = Import.objects.get()
    assert (kept.text, kept.mistakes, len(kept.uninvited)) == ("", [], 1)

    Import.objects.update(ended_at=now - timedelta(days=31))
    assert running.forget_old_imports() == 1


def test_a_page_stays_for_a_day_after_the_last_of_them_was_invited(administrator, company, go, invitations_left):
    invitations_left(0)
    send(administrator, HEAD + BERNADETTE)
    go(administrator, invite="on")
    Import.objects.update(**dict.fromkeys(("created_at", "begun_at", "ended_at"), timezone.now() - timedelta(days=9)))
    invitations_left(10)
    _answer, kept = go(administrator)
    assert kept.uninvited == []

    assert running.forget_old_imports() == 0
    Import.objects.update(begun_at=timezone.now() - timedelta(days=1, minutes=1))
    assert running.forget_old_imports() == 1


# --- Whoever may, for whom they may ---


def test_a_company_administrator_makes_people_of_their_company_alone(carla, other_company, go):
    page = words(send(carla, HEAD + "kim,,,,,,\ntom,,,,Nordwind Fördertechnik GmbH,,\nada,,,,,administrator,\n"))

    assert "You can create people in Acme Machines only." in page
    assert "You cannot give this role." in page
    _answer, kept = go(carla, part="1")
    assert list(User.objects.exclude(pk=carla.user.pk).values_list("username", "company__name")) == [
        ("kim", "Acme Machines")
    ]
    assert kept.made == 1


def test_who_has_an_account_elsewhere_is_told_to_nobody_by_a_dry_run(carla, make_user, other_company, go):
    make_user("xaver", company=other_company, email="xaver@nordwind.example")

    page = words(send(carla, HEAD + "xaver,,,,,,\nkim,,,xaver@nordwind.example,,,\ntom,,,,,,\n"))

    assert "3 people are created" in page
    _answer, kept = go(carla)
    assert [(each["line"], each["what"]) for each in kept.mistakes] == [
        (2, "This user name or e-mail address is taken. Choose another one."),
        (3, "This user name or e-mail address is taken. Choose another one."),
    ]
    assert kept.made == 1
    [lane, *_shared] = lanes.actor_lanes("probes", carla.user)
    assert Budget.objects.get(key=lane.key).failures == 2


def test_an_import_stops_where_too_much_was_asked_and_goes_on_later(carla, make_user, other_company, go):
    for n in range(25):
        make_user(f"x{n}", company=other_company)
    make_user("xaver", company=other_company)
    lane, _shared = lanes.actor_lanes("probes", carla.user)
    Budget.objects.create(key=lane.key, failures=lane.free - 2, blocked_until=0, last_at=time(), began_at=time())
    lines = "".join(f"a{n},,,,,,\n" for n in range(20)) + "x1,,,,,,\nx2,,,,,,\nx3,,,,,,\nlast,,,,,,\n"
    send(carla, HEAD + lines)

    _answer, kept = go(carla)

    assert kept.made == 20
    assert kept.stopped.startswith("Too many attempts.")
    assert kept.text
    page = words(carla.client.get(f"{IMPORT}{kept.pk}/"))
    assert "The import stopped on its way" in page
    Budget.objects.all().delete()
    _answer, kept = go(carla)
    assert (kept.made, kept.stopped, kept.text) == (21, "", "")
    assert kept.ended_at


def test_whoever_lost_their_rights_meanwhile_makes_nobody(carla, admin, go):
    send(carla, HEAD + "kim,,,,,,\n")
    kept = Import.objects.get()
    Import.objects.update(begun_at=timezone.now(), epoch=carla.user.session_epoch)
    people.lock_user(carla.user, actor=admin)

    running.work(kept.pk)

    kept.refresh_from_db()
    assert (kept.made, kept.stopped) == (0, "What you may do has changed meanwhile, or you were signed out.")
    assert not User.objects.filter(username="kim").exists()


def test_what_one_sent_no_other_sees(administrator, carla, company):
    send(administrator, HEAD + BERNADETTE)
    kept = Import.objects.get()

    for path in ("", "errors/"):
        assert carla.client.get(f"{IMPORT}{kept.pk}/{path}").status_code == 404
    assert carla.client.post(f"{IMPORT}{kept.pk}/").status_code == 404


@pytest.mark.parametrize("role", [Role.MEMBER, Role.HELPDESK, Role.AUDITOR])
def test_nobody_else_gets_to_the_page(role, make_person):
    person = make_person("olga", role=role)
    person.sign_in()

    assert person.client.get(IMPORT).status_code == 403
    assert send(person, HEAD + BERNADETTE).status_code == 403
    assert not Import.objects.exists()


# --- Batches ---

FORTY_FIVE = HEAD + "".join(f"kim{n},,,,Acme Machines,,\n" for n in range(45))


def begun(person, number=45):
    """An import that waits for a worker."""
    send(person, HEAD + "".join(f"kim{n},,,,Acme Machines,,\n" for n in range(number)))
    with override_settings(TASKS=BY_A_WORKER):
        person.client.post(f"{IMPORT}{Import.objects.get().pk}/")
    return Import.objects.get()


def made():
    return User.objects.filter(username__startswith="kim").count()


def killed_in_the_second(monkeypatch):
    """The process ends within the second step, before it is committed."""
    create, count = running._create, []

    def step(kept, user, actor):
        count.append(user)
        create(kept, user, actor)
        if len(count) == 30:
            raise KeyboardInterrupt

    monkeypatch.setattr(running, "_create", step)


def test_it_is_done_by_the_queue_and_not_by_the_request(administrator, company):
    kept = begun(administrator)

    assert made() == 0
    assert "People are being created" in words(administrator.client.get(f"{IMPORT}{kept.pk}/"))
    running.work(kept.pk)
    assert made() == 45
    line = AuditEvent.objects.filter(action="user_created", subject__username="kim7").get()
    assert (line.address, "Chrome" in line.browser) == ("127.0.0.1", True), "as if the request had done it"


def test_whoever_watches_it_to_its_end_sees_what_a_reload_shows(administrator, company):
    kept = begun(administrator)
    watched = read_page(administrator.client.get(f"{IMPORT}{kept.pk}/"))
    running.work(kept.pk)
    reloaded = read_page(administrator.client.get(f"{IMPORT}{kept.pk}/"))

    assert "Another file" in reloaded.words
    assert polled(watched, reloaded).words == reloaded.words


def test_what_was_made_stays_and_the_rest_follows_after_the_process_ended(
    administrator, company, go, monkeypatch, time_machine
):
    time_machine.move_to(timezone.now(), tick=False)
    kept = begun(administrator)
    with monkeypatch.context() as once:
        killed_in_the_second(once)
        with pytest.raises(KeyboardInterrupt):
            running.work(kept.pk)
    Import.objects.update(beat=timezone.now())  # a process that is killed has no last word
    assert made() == 20
    running.work(kept.pk)  # too soon: whoever has it may only be slow
    assert made() == 20

    time_machine.shift(SILENT_SECONDS + 2)
    assert "The import stopped on its way It goes on by itself in a moment." in words(
        administrator.client.get(f"{IMPORT}{kept.pk}/")
    )
    _answer, kept = go(administrator)

    assert made() == 45
    assert (kept.made, kept.mistakes, kept.turn) == (45, [], 2)
    assert AuditEvent.objects.filter(action="user_created", subject__username__startswith="kim").count() == 45


def test_mistakes_are_kept_once_whatever_ends_the_process(administrator, company, make_user, monkeypatch):
    kept = begun(administrator)
    make_user("kim25")  # taken between the look at the file and its line
    with monkeypatch.context() as once:
        once.setattr(running, "_let_through", lambda part, _actor: (list(part), []))
        killed_in_the_second(once)
        with pytest.raises(KeyboardInterrupt):
            running.work(kept.pk)

    running.work(kept.pk)

    kept.refresh_from_db()
    assert (made(), kept.made, [each["line"] for each in kept.mistakes]) == (45, 44, [27])


def stopped_after_twenty(person, monkeypatch, text):
    """An import of `text` that somebody stopped when the first step was done."""
    send(person, text)
    kept, make = Import.objects.get(begun_at=None), running._make

    def stopped(*args):
        goes_on = make(*args)
        person.client.post(f"{IMPORT}{kept.pk}/", {"stop": ""})
        return goes_on

    with monkeypatch.context() as once, override_settings(TASKS=BY_A_WORKER):
        once.setattr(running, "_make", stopped)
        checked = CheckedFile(read(kept.text, kept.encoding), person.user)
        person.client.post(f"{IMPORT}{kept.pk}/", {"part": len(checked.people)})
        running.work(kept.pk)
    kept.refresh_from_db()
    return kept


def test_what_is_wrong_by_the_time_it_goes_on_is_said(
    administrator, company, other_company, go, make_user, monkeypatch
):
    text = "".join(f"kim{n},,,,{other_company if n > 40 else company},,\n" for n in range(45))
    kept = stopped_after_twenty(administrator, monkeypatch, f"{HEAD}{text}kim hansen,,,,{company},,\n")
    assert (kept.made, kept.total, [each["line"] for each in kept.mistakes]) == (20, 45, [47])
    make_user("kim30")
    make_user("kim31")
    Company.objects.filter(pk=other_company.pk).update(name="Südwind", name_folded="südwind")

    _answer, kept = go(administrator)

    assert (kept.made, kept.total) == (19 + 20, 19 + 20)
    assert [each["line"] for each in kept.mistakes] == [32, 33, 43, 44, 45, 46, 47]
    page = words(administrator.client.get(f"{IMPORT}{kept.pk}/"))
    assert "39 people were created" in page
    assert "7 lines have an error and were left out" in page
    errors = administrator.client.get(f"{IMPORT}{kept.pk}/errors/").content.decode("utf-8-sig")
    wrong = {row["user name"]: row["what is wrong"] for row in csv.DictReader(StringIO(errors))}
    assert [name for name in wrong if "is taken" in wrong[name]] == ["kim30", "kim31"]
    assert [name for name in wrong if "no company" in wrong[name]] == ["kim41", "kim42", "kim43", "kim44"]
    assert "kim hansen" in wrong


def test_what_was_wrong_and_is_mended_by_the_time_it_goes_on_is_done(administrator, company, go, monkeypatch):
    text = "".join(f"kim{n},,,,{'Südwind' if n > 40 else company},,\n" for n in range(45))
    kept = stopped_after_twenty(administrator, monkeypatch, HEAD + text)
    assert (kept.total, len(kept.mistakes)) == (41, 4)
    Company.objects.create(name="Südwind")

    _answer, kept = go(administrator)

    assert (kept.made, kept.total, kept.mistakes) == (45, 45, [])


def test_an_import_that_goes_on_leaves_out_the_same_lines_as_one_that_was_not_stopped(
    administrator, company, go, make_user, monkeypatch
):
    make_user("petra.v", email="petra.v@acme.example")
    first = [f"kim{n},,,kim{n}@acme.example,{company},,\n" for n in range(22)]
    first[3] = f"petra.v,,,mia@acme.example,{company},,\n"  # a taken name, whose address comes again
    again = [
        f"KIM5,,,,{company},,\n",  # comes twice, and was made
        f"kim6,,,kim7@acme.example,{company},,\n",
        f"mia,,,Mia@acme.example,{company},,\n",  # comes twice, and was not made
        f"tom,,,petra.v@acme.example,{company},,\n",
    ]
    text = "".join([HEAD, *first, *again])
    at_once = said(text, administrator.user)

    kept = stopped_after_twenty(administrator, monkeypatch, text)
    assert kept.done == 22
    _answer, kept = go(administrator)

    assert [(each["line"], each["column"], each["what"]) for each in kept.mistakes] == at_once
    assert [line for line, _column, _what in at_once] == [5, 24, 25, 25, 26, 27]
    assert (kept.made, kept.total) == (21, 21)


def test_it_is_stopped_and_goes_on(administrator, company, go, monkeypatch):
    kept = stopped_after_twenty(administrator, monkeypatch, FORTY_FIVE)
    page = words(administrator.client.get(f"{IMPORT}{kept.pk}/"))
    assert made() == 20
    assert "The import stopped on its way Stopped." in page
    running.work(kept.pk)
    assert made() == 20, "nobody takes up what was stopped"

    _answer, kept = go(administrator)
    assert (made(), kept.stopped) == (45, "")
    assert not running.stop(kept), "it is over"


def test_whoever_takes_it_up_has_the_turn(administrator, company, monkeypatch, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    kept = begun(administrator)
    make = running._make

    def overtaken(*args):
        goes_on = make(*args)
        monkeypatch.setattr(running, "_make", make)
        time_machine.shift(SILENT_SECONDS + 2)  # it sleeps, and another takes the import up
        running.work(kept.pk)
        return goes_on

    monkeypatch.setattr(running, "_make", overtaken)
    running.work(kept.pk)

    assert made() == 45
    assert AuditEvent.objects.filter(action="users_imported").count() == 1


def test_a_worker_takes_up_imports_and_invitations_that_nobody_is_at_work_on(
    administrator, company, settings, invitations_left, go
):
    invitations_left(0)
    settings.TASKS = BY_A_WORKER
    kept = begun(administrator, 1)

    assert (running.take_up_imports(), inviting.take_up_invitations()) == (1, 0)
    tasks = DBTaskResult.objects.order_by("pk")
    assert {each.task_path for each in tasks} == {"companies.importing.running.make_people"}
    assert all(each.args_kwargs["args"] == [str(kept.pk)] for each in tasks)

    Import.objects.update(ended_at=timezone.now(), beat=timezone.now(), uninvited=["x"])
    assert (running.take_up_imports(), inviting.take_up_invitations()) == (0, 0)
    Import.objects.update(beat=timezone.now() - timedelta(seconds=SILENT_SECONDS + 1))
    assert (running.take_up_imports(), inviting.take_up_invitations()) == (0, 1)


def test_two_clicks_import_once(administrator, company, go):
    send(administrator, HEAD + BERNADETTE)
    go(administrator)

    _answer, kept = go(administrator)

    assert kept.made == 1
    assert AuditEvent.objects.filter(action="users_imported").count() == 1


def test_the_newest_that_wait_are_kept_and_the_page_of_another_says_how_to_go_on(administrator, company):
    pages = [send(administrator, HEAD + BERNADETTE).request["PATH_INFO"] for _ in range(KEPT_WAITING + 1)]

    assert Import.objects.count() == KEPT_WAITING
    assert administrator.client.get(pages[1]).status_code == 200
    gone = administrator.client.post(pages[0], {"part": "1"})
    assert gone.status_code == 404
    assert "begin again from the list of users." in gone.content.decode()


def test_what_was_sent_is_kept_for_a_day_at_most(administrator, company):
    send(administrator, HEAD + BERNADETTE)
    send(administrator, HEAD + FRIEDRICH)
    assert Import.objects.count() == 2
    Import.objects.update(created_at="2026-01-01T00:00Z")

    assert running.forget_old_imports() == 2
    assert not Import.objects.exists()


def test_an_import_that_is_done_when_its_file_is_a_day_old_is_done_to_its_end(administrator, company, monkeypatch):
    kept, make = begun(administrator), running._make
    Import.objects.update(created_at=timezone.now() - timedelta(days=1, minutes=1))

    def tidied_meanwhile(*args):
        goes_on = make(*args)
        running.forget_old_imports()
        return goes_on

    monkeypatch.setattr(running, "_make", tidied_meanwhile)
    running.work(kept.pk)

    assert made() == 45
    assert AuditEvent.objects.get(action="users_imported").details["changed"] == 45
    running.forget_old_imports()
    assert "45 people were created" in words(administrator.client.get(f"{IMPORT}{kept.pk}/")), "for a day from its end"
    Import.objects.update(**dict.fromkeys(("begun_at", "ended_at"), timezone.now() - timedelta(days=1, minutes=1)))
    assert running.forget_old_imports() == 1


def test_one_that_waits_for_a_worker_or_for_a_click_is_spared_for_a_day(administrator, company, go, monkeypatch):
    kept = begun(administrator)
    Import.objects.update(created_at=timezone.now() - timedelta(days=2))
    running.forget_old_imports()
    running.work(kept.pk)
    assert made() == 45

    kept = stopped_after_twenty(administrator, monkeypatch, FORTY_FIVE.replace("kim", "tom"))
    Import.objects.update(created_at=timezone.now() - timedelta(days=2))
    running.forget_old_imports()
    [kept] = Import.objects.filter(ended_at=None)
    assert (kept.made, kept.stopped, bool(kept.text)) == (20, "Stopped.", True)


def test_one_that_nobody_went_on_with_for_a_day_ends_on_record_and_says_what_is_left(
    administrator, company, go, monkeypatch
):
    kept = stopped_after_twenty(administrator, monkeypatch, f"{FORTY_FIVE}kim hansen,,,,Acme Machines,,\n")
    Import.objects.update(begun_at=timezone.now() - timedelta(days=1, minutes=1))

    assert running.forget_old_imports() == 0

    line = AuditEvent.objects.get(action="users_imported")
    assert (line.actor, line.address) == (administrator.user, "127.0.0.1")
    assert (line.details["name"], line.details["lines"]) == ("kepler.csv", 46)
    assert (line.details["changed"], line.details["invited"]) == (20, 0)
    kept.refresh_from_db()
    assert (kept.text, kept.stopped, kept.ended_at is None) == ("", "", False)
    page = words(administrator.client.get(f"{IMPORT}{kept.pk}/"))
    assert "20 people were created" in page
    assert "26 lines have an error and were left out" in page
    errors = administrator.client.get(f"{IMPORT}{kept.pk}/errors/").content.decode("utf-8-sig")
    wrong = {row["user name"]: row["what is wrong"] for row in csv.DictReader(StringIO(errors))}
    assert list(wrong) == [*(f"kim{n}" for n in range(20, 45)), "kim hansen"]
    assert wrong["kim20"].startswith("The import stood still for a day")
    assert "A user name has letters" in wrong["kim hansen"]
    running.forget_old_imports()
    assert AuditEvent.objects.filter(action="users_imported").count() == 1


def test_whoever_slept_for_a_day_makes_nobody_more(administrator, company, monkeypatch, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    kept, make = begun(administrator), running._make

    def asleep(*args):
        goes_on = make(*args)
        time_machine.shift(2 * 24 * 3600)
        running.forget_old_imports()
        return goes_on

    monkeypatch.setattr(running, "_make", asleep)
    running.work(kept.pk)

    assert made() == 20
    assert AuditEvent.objects.get(action="users_imported").details["changed"] == 20


# --- The file ---


def test_a_file_is_read_on_this_page_alone_and_nothing_beside_it(administrator, settings):
    assert reverse("settings:user_import") == settings.FILE_PAGE
    assert list(settings.LONGER_BODIES) == [settings.FILE_PAGE, reverse("settings:bulk_names")]
    for page in ("/settings/administration/companies/new/", reverse("settings:bulk_names")):
        with closing(BytesIO(b"x")) as sent:
            sent.name = "x.csv"
            answer = administrator.client.post(page, {"name": "X", "names": "kim", "act": "require", "file": sent})

        assert answer.status_code == 302
        assert not answer.wsgi_request.FILES


def test_a_file_beyond_what_the_page_says_is_given_up(administrator, settings):
    settings.LONGER_BODIES = {IMPORT: 100}

    answer = send(administrator, HEAD + BERNADETTE)

    assert answer.status_code == 400
    assert not Import.objects.exists()


def test_of_two_files_one_is_read(administrator, company):
    first, second = BytesIO((HEAD + BERNADETTE).encode()), BytesIO((HEAD + FRIEDRICH).encode())
    first.name = second.name = "x.csv"

    administrator.client.post(IMPORT, {"file": [first, second], "other": second})

    assert Import.objects.get().lines == 1


def test_companies_by_hundreds_and_people_without_one(administrator):
    for n in range(3):
        Company.objects.create(name=f"Company {n}")
    text = HEAD + "".join(f"kim{n},,,,COMPANY {n % 3},,\n" for n in range(6)) + "aud,,,,,auditor,\n"

    page = words(send(administrator, text))

    assert "7 people are created, in 4 companies" in page
