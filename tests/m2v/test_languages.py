"""Every language of the site is spoken whole: catalogues, templates, pages, mails, files."""

from __future__ import annotations

import ast
import re
from html import unescape
from itertools import zip_longest

import pytest
from babel.messages import Catalog
from babel.messages.mofile import read_mo, write_mo
from django.conf import settings as site
from django.utils import translation
from django.utils.translation import gettext, ngettext

from accounts.models import User
from companies.services import enable_company_two_factor
from mfa.services import request_passkey
from tests.accounts.walk import pages
from tests.catalogue import KEYWORDS, ROOT, brought_up_to_date, compiled_of, languages, read, source_of, strings_of
from tests.people import browser
from tests.rooms import ROOMS
from tests.scenes import paths_about

LANGUAGES = languages()
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PLACE = re.compile(r"%\(\w+\)s|%%|%d|\{[^}]*\}|</?\w[^>]*>")
BETWEEN = re.compile(r"<(script|style)\b.*?</\1>|<!--.*?-->|<[^>]*>", re.DOTALL)
SPOKEN = re.compile(r"""\b(?:aria-label|alt|title|placeholder|data-label)=["']([^"']*)["']""")
# Words of English sentences that no sentence of the other languages has.
ENGLISH = re.compile(r"\b(?:the|and|with|your|you|are|for|not|has|have|this|from|sign|signed|asked)\b", re.IGNORECASE)
# What they are called in German, wherever the English sentence names them.
GLOSSARY = {
    "two-factor authentication": "Zwei-Faktor-Authentifizierung",
    "multi-factor authentication": "Multi-Faktor-Authentifizierung",
    "authenticator app": "Authentifizierungs-App",
    "recovery code": "Wiederherstellungscode",
    "passkey": "Passkey",
    "access pass": "Zugangsp",  # -pass, -pässe
    "Settings app": "App „Einstellungen“",
    "QR code": "QR-Code",
    "not now": "Jetzt nicht",
    "this wasn’t me": "Das war ich nicht",
}


def messages(language):
    return [message for message in read(language) if message.id]


def strings_in(ids):
    return " ".join(ids) if isinstance(ids, tuple) else ids


def of_both(message):
    """Each form of a sentence with its translation."""
    ids = message.id if isinstance(message.id, tuple) else (message.id,)
    return list(zip_longest(ids, strings_of(message), fillvalue=ids[-1]))


# --- The catalogues ---


def test_there_is_a_catalogue_for_every_language_of_the_site():
    assert sorted(code for code, _name in site.LANGUAGES if code != site.LANGUAGE_CODE) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_what_is_marked_and_nothing_else(language):
    """`python -m tests.catalogue` makes it so."""
    assert source_of(language).read_bytes() == brought_up_to_date(language)
    assert not read(language).obsolete


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_untranslated_or_doubtful(language):
    assert [message.id for message in messages(language) if message.fuzzy or not all(strings_of(message))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_compiled_catalogue_says_what_its_source_says(language):
    said = {
        (message.context, message.id if isinstance(message.id, str) else message.id[0]): strings_of(message)
        for message in messages(language)
        if all(strings_of(message))
    }
    with compiled_of(language).open("rb") as file:
        compiled = {
            (message.context, message.id if isinstance(message.id, str) else message.id[0]): strings_of(message)
            for message in read_mo(file)
            if message.id
        }

    assert compiled == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_places_the_marks_and_the_edges_of_its_sentence(language):
    wrong = []
    for message in messages(language):
        for form, said in of_both(message) if all(strings_of(message)) else []:
            if sorted(PLACE.findall(form)) != sorted(PLACE.findall(said)):
                wrong.append(said)
            if form.endswith(" ") != said.endswith(" ") or (form.startswith(" ") and not said.startswith(" ")):
                wrong.append(said)

    assert wrong == []


@pytest.mark.parametrize(("term", "german"), GLOSSARY.items())
def test_a_term_has_one_name_in_german(term, german):
    naming = [message for message in messages("de") if term.lower() in strings_in(message.id).lower()]

    assert naming
    said = [" ".join(strings_of(message)) for message in naming]
    assert [text for text in said if german.lower() not in text.lower()] == []


# What is done or is there has one word too: of English sentences that name it, what the German ones say.
ONE_WORD = {
    r"\bcreat\w* (?:a |your |another )*passkey": r"erstell",
    r"\blets? \S+ in again\b": r"frei",
    r"\b(?:the|whole) audit\b": r"\bAudit",
    r"\bthe log\b": r"\bProtokoll",
    r"\brestor": r"zurück",
    r"\bback(?:ed )?up": r"Sicherung",
    r"\bunlock": r"entsperr|Sperre",
    r"\bqueue\b": r"Warteschlange",
    r"\bnot asked\b": r"aufgefordert|verlangt|gefragt",
}
NOT_SAID = re.compile(
    r"\bPasskeys? an(?:zu)?legen\b|\bSammelaktion|\bTelefons\b|\bPass(?:es)? (?:\w+ )?(?:geben|erstellt)\b|\bbitte\b"
)


@pytest.mark.parametrize(("english", "german"), ONE_WORD.items())
def test_what_is_done_has_one_word_in_german(english, german):
    said = {strings_in(message.id): " ".join(strings_of(message)) for message in messages("de")}
    naming = {text: said[text] for text in said if re.search(english, text, re.IGNORECASE)}

    assert naming
    assert {text: words for text, words in naming.items() if not re.search(german, words, re.IGNORECASE)} == {}


def test_words_that_the_glossary_does_not_want_are_not_said():
    said = [text for message in messages("de") for text in strings_of(message)]

    assert [text for text in said if NOT_SAID.search(text)] == []


def test_german_is_formal_and_has_its_own_quotation_marks():
    said = [text for message in messages("de") for text in strings_of(message)]
    plain = [re.sub(r"<[^>]*>", "", text) for text in said]

    assert [text for text in plain if re.search(r"\b(?:du|dich|dir|dein\w*|euch|euer)\b", text, re.IGNORECASE)] == []
    assert [text for text in plain if re.search(r"[\"'”‘]", text)] == []
    assert [text for text in plain if text.count("„") != text.count("“")] == []


def test_the_way_to_the_users_is_called_as_the_documents_call_it():
    with translation.override("de"):
        assert (gettext("Administration"), gettext("User")) == ("Verwaltung", "Benutzer")


def test_months_are_not_taken_for_letters_that_are_spelled_out():
    with translation.override("de"):
        assert gettext("November") == "November"


def test_one_sentence_may_be_said_with_a_number_and_without():
    with translation.override("de"):
        assert gettext("has never signed in") == ngettext("has never signed in", "have never signed in", 1)


# --- Templates ---


def literals(source):
    """What a template says to people in no language's name."""
    source = re.sub(
        r"{% ?blocktranslate.*?endblocktranslate ?%}|{% ?comment.*?endcomment ?%}", " ", source, flags=re.DOTALL
    )
    source = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", " ", source, flags=re.DOTALL)
    said = BETWEEN.sub("\n", source).splitlines() + SPOKEN.findall(source)
    return [text for line in said if re.search(r"[^\W\d_]{2}", text := unescape(line).strip())]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_a_template_says_nothing_that_is_not_marked(path):
    assert set(literals(path.read_text())) <= {"m2v", "wide", "narrow"}


@pytest.mark.parametrize("source", ["<p>Sign in</p>", '<a aria-label="Close">x</a>', "{% if a %}Yes{% endif %}"])
def test_words_that_are_not_marked_are_found(source):
    assert literals(source)


# --- Modules ---

PROSE = re.compile(r"[A-Za-z’]{2,},? [a-z]{2,}")
# SQL, attributes of HTML, types, commands: not for reading.
CODE = re.compile(
    r"\b(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|SET|CASE|ELSE|AS|ORDER BY|PRAGMA|Mapping|python3?)\b|^(?:icon|input) |webauthn|<svg"
)
# What is raised with these is read at the shell; what others say is for the log, and for whoever mends the product.
READ = {"CommandError", "ImproperlyConfigured", "Trouble", "Tampered"}
NAMES_AND_VALUES = {
    "Chrome on Mac", "Edge on Mac", "Maximiliane Freifrau von und zu Hohenstein-Wittelsbach-Oberreuth",
    "The question is older than five minutes.", "to post", "user name",
}  # fmt: skip
NOT_SPOKEN = {
    "accounts/after_response.py": "for the log",
    "accounts/domains.py": "a reason for the code that asks",
    "accounts/keys.py": "m2v/environment.py says it, in the shell's language",
    "accounts/keys_in_use.py": "part of what a fingerprint is of",
    "accounts/sealing.py": "part of what is sealed",
    "audit/models.py": "for whoever wrote the code that tries",
    "audit/sealing/checkpoints.py": "part of what is signed",
    "audit/sealing/keys.py": "the same",
    "companies/exports.py": "values below the headings of a file, which programs read too",
    "companies/snapshots/models.py": "a name for whoever looks at rows",
    "m2v/health.py": "for a load balancer",
    "m2v/metrics/": "for Prometheus",
    "m2v/outage.py": "for the log",
    "m2v/server.py": "for the log",
    "notices/not_told.py": "reasons, for whoever reads the code",
    "reporting/past_day.py": "values below the headings of a file",
}


def name_of(function):
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def is_unread(node):
    """A docstring, a line of the log, an exception that nobody at a screen or shell reads, or a sentence that is marked."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Raise):
        return isinstance(node.exc, ast.Call) and name_of(node.exc.func) not in READ
    if isinstance(node, ast.Call):
        return name_of(node.func) in KEYWORDS or getattr(getattr(node.func, "value", None), "id", "") == "log"
    return False


def said_by(node):
    """What a module says to people in no language's name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            if PROSE.search(child.value) and not CODE.search(child.value) and child.value not in NAMES_AND_VALUES:
                yield child.value
        elif not is_unread(child):
            yield from said_by(child)


@pytest.mark.parametrize("room", ROOMS)
def test_a_module_says_nothing_that_is_not_marked(room):
    found = {
        path.relative_to(ROOT).as_posix(): said
        for path in (ROOT / room).rglob("*.py")
        if "migrations" not in path.parts and (said := list(said_by(ast.parse(path.read_text()))))
    }

    assert {path: said for path, said in found.items() if not path.startswith(tuple(NOT_SPOKEN))} == {}
    of_this_room = {path for path in NOT_SPOKEN if path.startswith(f"{room}/")}
    assert {each for each in of_this_room if not any(path.startswith(each) for path in found)} == set(), (
        "is excused for nothing"
    )


@pytest.mark.parametrize(
    "source",
    [
        'raise CommandError("Say why.")',
        'raise ImproperlyConfigured(f"{name} must be a number. It is {text!r}.")',
        'raise Trouble(_("Nothing is there.") + " Look again.")',
        'class Command(BaseCommand):\n    help = "Delete what has run out."',
        'parser.add_argument("user", help="user name or e-mail address")',
        'HEAD = ("last login", "created")',
        'yield f"recovery codes left: {number}"',
    ],
)
def test_words_of_a_module_that_are_not_marked_are_found(source):
    assert list(said_by(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    ['raise CommandError(_("Say why."))', 'log.error("the database is away")', 'def f():\n    """Say why."""'],
)
def test_what_is_marked_and_what_nobody_reads_is_left_alone(source):
    assert not list(said_by(ast.parse(source)))


# --- Pages ---


@pytest.fixture
def german(administrator):
    User.objects.filter(pk=administrator.user.pk).update(language="de")
    return administrator


def visible(answer):
    page = answer.content.decode()
    return [
        text for line in BETWEEN.sub("\n", page).splitlines() + SPOKEN.findall(page) if (text := unescape(line).strip())
    ]


def test_every_page_is_german_to_somebody_who_chose_german(german, kim, company):
    kim.set_up_app()
    kim.add_passkey()
    request_passkey(kim.user, actor=german.user)
    enable_company_two_factor(company, actor=german.user)
    shown, left, tight = 0, {}, {}
    for page, path in paths_about(kim.user).items():
        if "GET" not in page.methods:
            continue
        answer = german.client.get(path)
        if answer.status_code == 200 and "text/html" in answer.headers["Content-Type"]:
            shown += 1
            assert answer.headers["Content-Language"] == "de", path
            if found := [text for text in visible(answer) if ENGLISH.search(text)]:
                left[path] = found

            if found := [text for text in visible(answer) if re.search(r"\d%", text)]:
                tight[path] = found

    assert shown > 30
    assert (left, tight) == ({}, {}), "German has a space before the sign of percent"


def test_every_public_page_is_german_to_a_german_browser(db):
    shown, left = 0, {}
    for page in pages():
        if page.public and "GET" in page.methods:
            answer = browser().get(page.path(), HTTP_ACCEPT_LANGUAGE="de-DE,de;q=0.9,en;q=0.5")
            if "text/html" in answer.headers.get("Content-Type", ""):
                shown += 1
                if found := [text for text in visible(answer) if ENGLISH.search(text)]:
                    left[page.name] = found

    assert shown > 4
    assert left == {}


def test_a_page_for_a_wrong_host_is_in_the_browsers_language(client):
    answer = client.get("/login/", HTTP_HOST="elsewhere.example", HTTP_ACCEPT_LANGUAGE="de")

    assert answer.status_code == 400
    assert '<html lang="de">' in answer.content.decode()
    assert "Das hat nicht funktioniert" in answer.content.decode()


def test_the_choice_goes_before_the_browser_from_the_first_factor_on(kim):
    kim.set_up_app()
    User.objects.filter(pk=kim.user.pk).update(language="de")
    kim.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"

    assert kim.client.get("/login/").headers["Content-Language"] == "en"
    kim.enter_password()
    assert kim.client.get("/login/challenge/").headers["Content-Language"] == "de"


def test_the_request_before_leaves_no_language_behind(kim):
    kim.client.get("/login/", HTTP_ACCEPT_LANGUAGE="de")

    assert translation.get_language() == site.LANGUAGE_CODE


def test_messages_for_scripts_are_in_the_language_of_who_reads_them(kim):
    answer = kim.client.post(
        "/passkeys/authentication/", "{", content_type="application/json", HTTP_ACCEPT_LANGUAGE="de"
    )  # fmt: skip

    assert answer.json()["message"] == "Das ist kein JSON."


def test_a_file_is_made_in_the_language_of_whoever_takes_it_out(german):
    answer = german.client.post("/settings/administration/activity/export/?form=csv&act=all")

    assert "hat sich mit Passwort angemeldet" in b"".join(answer.streaming_content).decode()


def test_activity_is_taken_out_under_headings_of_ones_language_and_json_keeps_its_keys(german):
    def first_line(form):
        answer = german.client.post("/settings/administration/activity/export/?act=all", {"form": form})
        return b"".join(answer.streaming_content).decode().splitlines()[0]

    assert first_line("csv") == (
        "\ufeffID;Zeitpunkt;Ereignis;Beschreibung;Ausgeführt von;Ausgeführt von (ID);Betrifft;Betrifft (ID);Firma;"
        "Firma (ID);Netzwerkadresse;Browser;Einzelheiten"
    )
    assert first_line("jsonl").startswith('{"id": ')


def test_a_list_is_taken_out_under_headings_of_ones_language_and_what_is_below_them_is_the_same(german):
    answer = german.client.post("/settings/administration/users/export/")
    file = b"".join(answer.streaming_content).decode()

    assert file.startswith("\ufeffBenutzername;Vorname;Nachname;E-Mail;Firma;Rolle;Sprache;Konto;")
    assert ";Administrator;de;active;" in file


# --- Mail ---


def test_mail_is_in_the_language_of_the_browser_at_the_last_sign_in_unless_another_was_chosen(kim):
    kim.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de-CH"
    kim.sign_in()
    kim.user.refresh_from_db()
    assert (kim.user.language, kim.user.browser_language, kim.user.mail_language) == ("", "de", "de")

    kim.user.language = "en"
    assert kim.user.mail_language == "en"


def test_whoever_never_signed_in_is_invited_in_the_language_of_who_created_them(german, told, company):
    form = {
        "first_name": "Nele",
        "last_name": "Berg",
        "username": "nele",
        "email": "nele@acme.example",
        "role": "member",
    }
    [mail] = told(german.client.post, "/settings/administration/users/new/", form | {"company": company.name})

    assert mail.subject == "Ihr m2v-Konto"
    assert "Wählen Sie hier Ihr Passwort" in mail.body
    assert not ENGLISH.search(mail.body.replace("/invitation/", ""))


# --- One more ---


@pytest.fixture
def french(tmp_path, settings):
    """A folder with some sentences, and a line in the settings: what CONTRIBUTING.md says that a language takes."""
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    catalogue = Catalog("fr")
    for english, french in {
        "Sign in": "Se connecter",
        "Language": "Langue",
        "Set a new password": "Choisir un nouveau mot de passe",
        "Your m2v account": "Votre compte m2v",
        "j F Y": "j F Y",
    }.items():
        catalogue.add(english, french)
    with (folder / "django.mo").open("wb") as file:
        write_mo(file, catalogue)
    settings.LOCALE_PATHS = [tmp_path, *settings.LOCALE_PATHS]
    settings.LANGUAGES = [*settings.LANGUAGES, ("fr", "Français")]


def test_one_more_language_is_the_browsers(french, db):
    page = browser().get("/login/", HTTP_ACCEPT_LANGUAGE="fr-CA,fr;q=0.9,en;q=0.5")

    assert page.headers["Content-Language"] == "fr"
    assert "Se connecter" in visible(page)
    assert "Sign in to m2v" in visible(page), "what nobody has translated yet is English"


def test_one_more_language_is_chosen_and_then_that_of_pages_and_mail(french, kim, told, administrator):
    kim.sign_in()
    settings_page = kim.client.get("/user-settings/").content.decode()
    assert '<option value="fr"' in settings_page
    assert "Français" in settings_page
    User.objects.filter(pk=kim.user.pk).update(language="fr")
    assert "Langue" in visible(kim.client.get("/user-settings/"))

    User.objects.filter(pk=administrator.user.pk).update(language="fr")
    form = {"first_name": "N", "last_name": "B", "username": "nele", "email": "nele@acme.example", "role": "member"}
    company = {"company": kim.user.company.name}
    [mail] = told(administrator.client.post, "/settings/administration/users/new/", form | company)
    assert mail.subject == "Votre compte m2v"


# --- What is prepared ---


def test_braces_in_a_translation_are_text(administrator, kim, tmp_path, settings):
    """The rows of a list are written once of each look, with places in braces. The language is this test's own."""
    folder = tmp_path / "de_CH" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with_braces = Catalog("de_CH")
    with_braces.add("Never", "{nie} }{")
    with (folder / "django.mo").open("wb") as file:
        write_mo(file, with_braces)
    settings.LOCALE_PATHS = [tmp_path, *settings.LOCALE_PATHS]
    settings.LANGUAGES = [*settings.LANGUAGES, ("de-ch", "Schweizerdeutsch")]
    User.objects.filter(pk=administrator.user.pk).update(language="de-ch")

    page = administrator.client.get("/settings/administration/users/").content.decode()

    assert "{nie} }{" in page
    assert kim.user.username in page
