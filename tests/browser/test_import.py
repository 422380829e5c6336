"""People from a file, and a list as a file, in a browser: choosing, looking, importing, and what was left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from accounts.models import User
from tests.links import NEW
from tests.people import Person

USERS = "/settings/administration/users/"
FILE = """user name;first name;last name;e-mail;company;role
b.achterberg;Bernadette;Achterberg-Quandt;b.achterberg@kepler.example;Acme Machines;member
fw.ochsenknecht;Friedrich-Wilhelm;Ochsenknecht-Unterberger;fw.ochsenknecht-unterberger@kepler.example;Acme Machines;company administrator
h.brinkmann;Heike;Brinkmann;h.brinkmann@kepler;Acme Machines;
minh.anh;Minh Anh;Nguyễn Thị;minh.anh@kepler.example;Acme Machines;Abteilungsleiterin Qualitätssicherung
"""


def send(desk, text):
    desk.page.get_by_label("CSV file").set_input_files(
        {"name": "kepler-2026-11.csv", "mimeType": "text/csv", "buffer": text.encode()}
    )
    desk.button("Look at it").click()


@pytest.mark.parametrize("width", [1280, 360])
def test_a_file_is_looked_at_then_imported_without_its_errors(width, administrator, at, company, mailoutbox):
    desk = at(administrator, viewport={"width": width, "height": 800})
    desk.bring_session()
    desk.open(USERS)
    desk.picture("import-users")
    desk.page.get_by_role("link", name="Import").click()
    desk.picture("import-import")

    send(desk, FILE)

    expect(desk.page.get_by_role("heading", name="Nothing is saved yet.")).to_be_visible()
    desk.sees("This is not a complete e-mail address. Add what comes after “kepler”.")
    assert User.objects.count() == 1
    desk.fits()
    desk.picture("import-file")
    with desk.page.expect_download() as download:
        desk.page.get_by_role("link", name="Download the 2 lines").click()
    assert "h.brinkmann@kepler" in Path(download.value.path()).read_text(encoding="utf-8-sig")

    desk.button("Import the 2 without errors").click()

    expect(desk.page.get_by_role("heading", name="The import is done")).to_be_visible()
    desk.sees("lines have an error and were left out")
    desk.picture("import-done")
    assert sorted(User.objects.values_list("username", flat=True)) == ["b.achterberg", "fw.ochsenknecht", "petra"]
    assert len(mailoutbox) == 2
    desk.page.get_by_role("link", name="To the users").click()
    with desk.page.expect_download() as download:
        desk.page.get_by_role("button", name="Export").click()
    assert "Ochsenknecht-Unterberger" in Path(download.value.path()).read_text(encoding="utf-8-sig")


def test_what_is_no_file_of_people_says_what_to_do_where_it_was_chosen(administrator, at, company):
    desk = at(administrator)
    desk.bring_session()
    desk.open(f"{USERS}import/")

    send(desk, "name,mail\nKim,kim@acme.example\n")

    desk.sees("The first line has no heading “user name”.")
    expect(desk.page.get_by_label("CSV file")).to_have_attribute("aria-invalid", "true")


def test_a_file_is_mended_then_imported_and_who_was_invited_signs_in(administrator, at, company, mailoutbox):
    petra = at(administrator)
    petra.bring_session()
    petra.open(USERS)
    petra.link("Import").click()
    send(petra, FILE)
    errors = petra.page.get_by_role("table", name="2 lines with an error")
    petra.picture("mend-1-errors")
    for line, column in (("4", "e-mail"), ("5", "role")):
        expect(errors.get_by_role("row").filter(has_text=column).filter(has_text=line)).to_have_count(1)

    petra.link("Another file").click()
    send(
        petra,
        FILE.replace("brinkmann@kepler;", "brinkmann@kepler.example;").replace(
            "Abteilungsleiterin Qualitätssicherung", ""
        ),
    )
    expect(petra.page.get_by_text("have an error")).to_have_count(0)
    petra.picture("mend-2-mended")
    petra.button("Import 4 people").click()
    expect(petra.heading("The import is done")).to_be_visible()
    petra.picture("mend-3-done")

    [mail] = [mail for mail in mailoutbox if mail.to == ["h.brinkmann@kepler.example"]]
    heike = at(Person(User.objects.get(username="h.brinkmann")))
    heike.open_mail(mail, "invitation")
    heike.picture("mend-4-invited")
    heike.labelled("New password").fill(NEW)
    heike.labelled("New password, again").fill(NEW)
    heike.button("Save the password").click()
    heike.sees("Sign in with it.")
    heike.enter_password(NEW)
    heike.is_on("/portal/")

    petra.link("To the users").click()
    petra.page.get_by_label("Role", exact=True).select_option(label="Company administrator")
    expect(petra.page.get_by_role("row")).to_have_count(2)
    with petra.page.expect_download() as taken:
        petra.button("Export").click()
    lines = Path(taken.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 2
    assert "fw.ochsenknecht" in lines[1]
