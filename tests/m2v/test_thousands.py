"""Numbers over a thousand are written as a language writes them, wherever they stand."""

from __future__ import annotations

import re

import pytest

from accounts.models import User
from companies.importing import running
from companies.importing.reading import read as read_file
from companies.models import Company, Import
from tests.companies import COMPANIES, USERS, read

BARE = re.compile(r"(?<![\d.,:/#-])1\d{3}(?![\d:.-])")
MANY = 1300


@pytest.fixture
def pages(administrator, company):
    """The addresses of pages that have numbers over a thousand."""
    User.objects.bulk_create(
        User(username=f"p.{n}", username_folded=f"p.{n}", first_name="P", last_name="Q", company=company)
        for n in range(MANY)
    )
    Company.objects.bulk_create(Company(name=f"Firm {n:x}", name_folded=f"firm {n:x}") for n in range(MANY))
    text = "user name,company\n" + "".join(f"q{n:x},Acme Machines\nbad {n:x},\n" for n in range(MANY))
    kept = running.keep(administrator.user, "mass.csv", text, read_file(text, "UTF-8"))
    done = Import.objects.create(
        owner=administrator.user.pk, name="x.csv", lines=MANY, total=MANY, made=MANY, invited=MANY, text="",
        uninvited=["x"] * MANY, begun_at="2026-11-29T00:00Z", ended_at="2026-11-29T00:00Z", invites=True,
        mistakes=[{"line": n, "column": "", "contents": "", "what": "", "cells": {}} for n in range(MANY)],
    )  # fmt: skip
    imports = [f"{USERS}import/{each.pk}/" for each in (kept, done)]
    return [
        "/settings/",
        USERS,
        COMPANIES,
        f"{COMPANIES}{company.pk}/",
        f"{COMPANIES}{company.pk}/two-factor/on/",
        *imports,
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "written"), [("en", "1,300"), ("de", "1.300")])
def test_every_page_writes_thousands_as_its_language_does(administrator, pages, language, written):
    for address in pages:
        answer = administrator.client.get(address, headers={"accept-language": language})
        said = read(answer).one("main").words
        assert not (bare := BARE.findall(said)), (address, bare, said[:600])
        assert written in said or "1,30" in said or "1.30" in said, address
