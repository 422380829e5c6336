"""The settings: read from the environment, made where they are missing, and refused where they are wrong."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import runpy
import subprocess
import sys
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from stat import S_IMODE
from threading import Barrier

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage

from m2v.gateway import TOO_LARGE
from m2v.keys import kept
from tests.people import browser

ROOT = Path(__file__).resolve().parent.parent.parent
VARIABLES = (
    "BASE_URL",
    "BEHIND_PROXY",
    "CACHE_URL",
    "DATABASE_URL",
    "DEBUG",
    "DJANGO_SETTINGS_MODULE",
    "EMAIL_FROM",
    "ISSUER",
    "EMAIL_URL",
    "MFA_ENCRYPTION_KEYS",
    "PORT",
    "HOST",
    "WORKERS",
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "TIME_ZONE",
    "SESSION_IDLE_SECONDS",
    "SESSION_SECONDS",
    "AUDIT_SIGNING_KEY",
    "AUDIT_PUBLIC_KEYS",
    "GRANIAN_SSL_CERTIFICATE",
    "GRANIAN_SSL_KEYFILE",
    "HSTS",
    "OWN_NETWORKS",
    "SHOW_WHEREABOUTS",
    "SNAPSHOT_MONTHS",
    "GUESS_DAYS",
    "INVITATION_DAYS",
    "METRICS",
)
HTTPS = "https://m2v.example.com"
KEY = urlsafe_b64encode(bytes(range(32))).decode()
OTHER_KEY = urlsafe_b64encode(bytes(32)).decode()
SIGNING = [urlsafe_b64encode(bytes(range(start, start + 48))).decode() for start in (0, 50, 100)]


@pytest.fixture
def environment(tmp_path):
    """Nothing set but where the data lies."""
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return clean | {"DATA_DIR": str(tmp_path / "data")}


@pytest.fixture
def load(environment, monkeypatch):
    """The settings as they come out of an environment."""

    def loaded(**variables):
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in ({"DATA_DIR": environment["DATA_DIR"]} | variables).items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "m2v" / "settings.py"))

    return loaded


@pytest.fixture
def manage(environment):
    """Run a management command in a process of its own."""

    def run(*arguments, **variables):
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory):
    """A certificate, its key, and another's."""
    folder, found = tmp_path_factory.mktemp("tls"), []
    for name in ("ours", "another"):
        key = ec.generate_private_key(ec.SECP256R1())
        called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "m2v.example.com")])
        begin = datetime(2026, 1, 1, tzinfo=UTC)
        made = x509.CertificateBuilder(called, called, key.public_key(), 1, begin, begin + timedelta(days=90))
        files = folder / f"{name}.pem", folder / f"{name}.key"
        files[0].write_bytes(made.sign(key, SHA256()).public_bytes(Encoding.PEM))
        files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        found += map(str, files)
    return found[0], found[1], found[3]


# --- With nothing set ---


def test_with_nothing_set_the_embedded_default_serves(load, tmp_path):
    settings = load()

    assert settings["BASE_URL"] == "http://localhost:8000"
    assert settings["ALLOWED_HOSTS"] == ["localhost"]
    assert settings["DEBUG"] is False
    assert settings["DATABASES"]["default"]["NAME"] == str(tmp_path / "data" / "m2v.sqlite3")
    assert settings["MAILERS"]["default"]["OPTIONS"] == {"file_path": str(tmp_path / "data" / "outbox")}
    assert settings["SECURE_HSTS_SECONDS"] == 0
    assert settings["SESSION_COOKIE_NAME"] == "session"


def test_the_port_is_part_of_the_default_address(load):
    assert load(PORT="9000")["BASE_URL"] == "http://localhost:9000"


def test_the_first_start_makes_keys_that_only_their_owner_reads(load, tmp_path):
    settings = load()

    for name in ("secret_key", "mfa_encryption_key", "audit_signing_key"):
        assert S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600
    assert S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert S_IMODE((tmp_path / "data" / "outbox").stat().st_mode) == 0o700
    assert len(settings["SECRET_KEY"]) >= 64
    assert settings["MFA_ENCRYPTION_KEYS"][0].startswith("k1:")


def test_in_a_folder_that_was_there_all_files_are_their_owners_alone_too(manage, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "outbox").mkdir()
    (data / "m2v.sqlite3").touch()
    for path in (data, data / "outbox"):
        path.chmod(0o755)
    (data / "m2v.sqlite3").chmod(0o644)
    write = (
        "from django.core.mail import EmailMessage; from django.db import connection; import glob, os\n"
        "EmailMessage('Hello', 'There', 'm2v@example.com', ['kim@example.com']).send()\n"
        "connection.ensure_connection(); connection.cursor().execute('CREATE TABLE kept (x)')\n"
        "print({os.path.basename(n): oct(os.stat(n).st_mode & 0o777) for n in glob.glob('DATA/**', recursive=True)})"
    ).replace("DATA", str(data))
    os.umask(before := os.umask(0o022))
    answer = manage("shell", "--no-imports", "-c", f"import os; os.umask(os.umask(0o777))\n{write}")
    os.umask(before)

    assert answer.returncode == 0, answer.stderr
    modes = eval(answer.stdout)  # our own process wrote it
    files = {name: mode for name, mode in modes.items() if name not in {"", "outbox"}}
    assert {"m2v.sqlite3", "m2v.sqlite3-wal", "secret_key", "mfa_encryption_key", "audit_signing_key"} <= set(files)
    assert any(name.endswith(".log") for name in files)
    assert (set(files.values()), modes["outbox"]) == ({"0o600"}, "0o700")


def test_the_next_start_takes_the_same_keys(load):
    first, second = load(), load()

    for name in ("SECRET_KEY", "MFA_ENCRYPTION_KEYS"):
        assert first[name] == second[name]


def test_another_place_gets_other_keys(load, tmp_path):
    first, second = load(), load(DATA_DIR=str(tmp_path / "elsewhere"))

    for name in ("SECRET_KEY", "MFA_ENCRYPTION_KEYS"):
        assert first[name] != second[name]


def test_keys_that_are_given_are_kept_nowhere(load, tmp_path):
    settings = load(
        SECRET_KEY=SIGNING[0],
        MFA_ENCRYPTION_KEYS=f"k2:{KEY},k1:{OTHER_KEY}",
        SECRET_KEY_FALLBACKS=",".join(SIGNING[1:]),
        AUDIT_SIGNING_KEY=KEY,
        AUDIT_PUBLIC_KEYS=OTHER_KEY,
    )

    assert settings["SECRET_KEY"] == SIGNING[0]
    assert settings["SECRET_KEY_FALLBACKS"] == SIGNING[1:]
    assert settings["MFA_ENCRYPTION_KEYS"] == [f"k2:{KEY}", f"k1:{OTHER_KEY}"]
    assert (settings["AUDIT_SIGNING_KEY"], settings["AUDIT_PUBLIC_KEYS"]) == (KEY, [OTHER_KEY])
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["outbox"]


def test_processes_that_start_at_once_agree_on_a_key(tmp_path):
    gate = Barrier(8)

    def start(number):
        gate.wait(10)
        return kept(tmp_path / "new" / "key", f"key {number}")

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(start, range(8)))

    assert len(found) == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["key"]


def test_no_secret_is_printed_at_the_start(manage, environment):
    answer = manage("check")

    assert answer.returncode == 0, answer.stderr
    for name in ("secret_key", "mfa_encryption_key", "audit_signing_key"):
        assert (Path(environment["DATA_DIR"]) / name).read_text() not in answer.stdout + answer.stderr


def test_the_first_command_ever_works_on_an_empty_place(manage):
    answer = manage("base_url", PORT="8123")

    assert (answer.returncode, answer.stdout) == (0, "http://localhost:8123\n")


# --- Where the site is ---


@pytest.mark.parametrize(
    ("address", "origin", "host"),
    [
        ("https://m2v.example.com", "https://m2v.example.com", "m2v.example.com"),
        ("https://m2v.example.com/", "https://m2v.example.com", "m2v.example.com"),
        ("https://m2v.example.com:8443", "https://m2v.example.com:8443", "m2v.example.com"),
        ("http://m2v.example.com", "http://m2v.example.com", "m2v.example.com"),
        # As browsers write an origin (RFC 6454, section 6.2): in small letters, the scheme's own port left out.
        ("https://M2V.Example.com", "https://m2v.example.com", "m2v.example.com"),
        ("HTTPS://m2v.example.com", "https://m2v.example.com", "m2v.example.com"),
        ("https://m2v.example.com:443", "https://m2v.example.com", "m2v.example.com"),
        ("http://localhost:80", "http://localhost", "localhost"),
    ],
)
def test_the_base_url_alone_decides_host_origin_and_relying_party(load, address, origin, host):
    settings = load(BASE_URL=address)

    assert settings["PASSKEY_ORIGIN"] == origin
    assert settings["CSRF_TRUSTED_ORIGINS"] == [origin]
    assert (settings["ALLOWED_HOSTS"], settings["PASSKEY_RP_ID"]) == ([host], host)
    assert settings["OVER_TLS"] == origin.startswith("https")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "m2v.example.com",
        "ftp://m2v.example.com",
        "https://",
        "https:///",
        "https://m2v.example.com/app",
        "https://m2v.example.com?x=1",
        "https://m2v.example.com#top",
        "https://user:password@m2v.example.com",
        "https://m2v.example.com:port",
        "https://m2v.example.com:99999",
        "https://m2v example.com",
    ],
)
def test_an_address_that_is_none_is_refused_with_its_name(load, address):
    with pytest.raises(ImproperlyConfigured, match="BASE_URL must look like"):
        load(BASE_URL=address)


def test_a_wrong_base_url_stops_the_start_with_a_sentence(manage):
    answer = manage("check", BASE_URL="m2v.example.com")

    assert answer.returncode != 0
    assert answer.stderr.strip() == (
        "m2v MFA is not set up right. "
        "BASE_URL must look like https://m2v.example.com, without a path. It is 'm2v.example.com'."
    )


# --- Keys ---


@pytest.mark.parametrize(
    "keys",
    [
        "nonsense",
        KEY,
        "k1:",
        f":{KEY}",
        f"k1:{KEY[:-4]}",
        "k1:" + urlsafe_b64encode(bytes(33)).decode(),
        f"k1:{KEY},k1:{OTHER_KEY}",
        f"ü:{KEY}",
        "k1:" + "ü" * 44,
    ],
)
def test_a_wrong_encryption_key_stops_the_start_with_a_sentence(manage, keys):
    answer = manage("check", MFA_ENCRYPTION_KEYS=keys)

    assert answer.returncode != 0
    assert answer.stderr.startswith("m2v MFA is not set up right. MFA_ENCRYPTION_KEYS must be")
    assert KEY[:-4] not in answer.stderr  # a traceback is often logged; a key must not be in it


@pytest.mark.parametrize("key", ["x", "changeme", "x" * 64, "ab" * 32, SIGNING[0][:49]])
@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FALLBACKS"])
def test_a_signing_key_that_can_be_guessed_stops_the_start_with_its_name(load, name, key):
    with pytest.raises(ImproperlyConfigured, match=f"{name} must be at least 50 characters, at random") as trouble:
        load(**{name: key})

    assert key == "x" or key not in str(trouble.value)


def test_an_emptied_file_is_no_signing_key(load, tmp_path):
    load()
    (tmp_path / "data" / "secret_key").write_text("")

    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY"):
        load()


def test_several_right_keys_are_taken(manage):
    assert manage("check", MFA_ENCRYPTION_KEYS=f"k2:{KEY},k1:{OTHER_KEY}").returncode == 0


# --- Data ---


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "m2v localhost"),
        ({"BASE_URL": "https://m2v.acme.example:8443"}, "m2v m2v.acme.example"),
        ({"BASE_URL": "http://[::1]:8000"}, "m2v ..1"),
        ({"ISSUER": " "}, "m2v localhost"),
        ({"ISSUER": "Acme Süd"}, "Acme Süd"),
    ],
)
def test_authenticator_apps_call_each_installation_by_a_name_of_its_own(load, given, name):
    assert load(**given)["ISSUER"] == name


@pytest.mark.parametrize("name", ["m2v: Acme", "a\nb", "\u200b", "x" * 61])
def test_a_name_that_authenticator_apps_cannot_show_is_refused(load, name):
    with pytest.raises(ImproperlyConfigured, match="ISSUER"):
        load(ISSUER=name)


def test_sqlite_waits_its_turn_whatever_file_it_is(load, tmp_path):
    database = load(DATABASE_URL=f"sqlite:///{tmp_path}/other.sqlite3")["DATABASES"]["default"]

    assert database["NAME"] == f"{tmp_path}/other.sqlite3"
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]


def test_postgresql_is_taken_from_its_address(load):
    database = load(DATABASE_URL="postgres://m2v:p%40ss@db.example:5433/suite")["DATABASES"]["default"]

    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", 5433, "suite")
    assert (database["USER"], database["PASSWORD"]) == ("m2v", "p@ss")
    assert "transaction_mode" not in database["OPTIONS"]
    # A server that lost its power acknowledges nothing, and ends nothing.
    assert database["OPTIONS"]["connect_timeout"] == 5
    assert database["OPTIONS"]["tcp_user_timeout"] == 10_000
    assert database["OPTIONS"]["keepalives_idle"] + 3 * database["OPTIONS"]["keepalives_interval"] <= 11


def test_networks_of_ones_own_are_none_or_as_they_are_named(load):
    assert load()["OWN_NETWORKS"] == []
    named = load(OWN_NETWORKS="10.0.0.0/8, 2001:db8::/32")["OWN_NETWORKS"]
    assert [str(network) for network in named] == ["10.0.0.0/8", "2001:db8::/32"]


@pytest.mark.parametrize("named", ["office", "10.0.0.1/8", "10.0.0.0/7", "0.0.0.0/0", "::/0", "10.0.0.0/33"])
def test_a_network_that_is_none_or_everybodys_is_refused(load, named):
    with pytest.raises(ImproperlyConfigured, match="OWN_NETWORKS must be networks like"):
        load(OWN_NETWORKS=named)


def test_of_several_servers_the_one_that_can_be_written_to_is_used(load):
    hosts = "postgres://m2v:x@one.example:5432,two.example:6432/suite"
    database = load(DATABASE_URL=f"{hosts}?target_session_attrs=read-write")["DATABASES"]["default"]

    assert (database["HOST"], database["PORT"]) == ("one.example,two.example", "5432,6432")
    assert database["OPTIONS"]["target_session_attrs"] == "read-write"
    for address in (hosts, f"{hosts}?target_session_attrs=any"):
        with pytest.raises(ImproperlyConfigured, match="target_session_attrs=read-write"):
            load(DATABASE_URL=address)


def test_nothing_is_kept_in_a_connection_that_a_pool_may_give_to_another(load):
    assert load(DATABASE_URL="postgres://m2v:x@db.example/suite")["DATABASES"]["default"]["DISABLE_SERVER_SIDE_CURSORS"]


@pytest.mark.parametrize("address", ["nonsense", "m2v.sqlite3"])
def test_a_database_that_is_none_is_refused_with_its_name(load, address):
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        load(DATABASE_URL=address)


def test_the_cache_is_taken_from_its_address(load):
    assert load()["CACHES"]["default"]["BACKEND"].endswith("LocMemCache")
    cache = load(CACHE_URL="redis://cache.example:6380/1")["CACHES"]["default"]
    assert cache["BACKEND"].endswith("RedisCache")
    assert "cache.example:6380" in cache["LOCATION"]


# --- Mail ---


@pytest.mark.parametrize(
    ("address", "options"),
    [
        (
            "smtp+tls://m2v:p%40ss@mail.example:587",
            {"host": "mail.example", "port": 587, "username": "m2v", "password": "p@ss", "use_tls": True},
        ),
        ("smtp+ssl://m2v:pw@mail.example:465", {"port": 465, "use_tls": False, "use_ssl": True}),
        ("smtp://mail.example:25", {"host": "mail.example", "port": 25, "username": None, "use_tls": False}),
    ],
)
def test_mail_goes_to_the_server_that_is_named(load, address, options):
    mailer = load(EMAIL_URL=address)["MAILERS"]["default"]

    assert mailer["BACKEND"] == "accounts.smtp.EmailBackend"
    assert options.items() <= mailer["OPTIONS"].items()
    assert mailer["OPTIONS"]["timeout"] == 10


@pytest.mark.parametrize("scheme", ["consolemail", "filemail", "memorymail", "dummymail"])
def test_mail_can_go_wherever_its_address_may_lead(load, settings, tmp_path, scheme):
    settings.MAILERS = load(EMAIL_URL=f"{scheme}:///{tmp_path}/mail")["MAILERS"]

    assert EmailMessage("Hello", "There", "m2v@example.com", ["kim@example.com"]).send() == 1


def test_mail_that_leads_nowhere_is_refused(load):
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL"):
        load(EMAIL_URL="carrier-pigeon://mail.example")


def test_the_sender_is_of_the_sites_own_domain_unless_said_otherwise(load):
    assert load(BASE_URL="https://m2v.example.com")["DEFAULT_FROM_EMAIL"] == "m2v <no-reply@m2v.example.com>"
    assert load(EMAIL_FROM="Acme <it@acme.example>")["DEFAULT_FROM_EMAIL"] == "Acme <it@acme.example>"


@pytest.mark.parametrize(
    "text",
    [
        "m2v",
        "m2v a@b.org",
        "Süd, AG <a@b.org>",
        "a@b.org, c@d.org",
        "m2v <a@b.org",
        "<a@b.org> m2v",
        "m2v <>",
        "@b.org",
    ],
)
def test_a_sender_that_no_mail_can_come_from_stops_the_start_with_its_name(load, text):
    with pytest.raises(ImproperlyConfigured, match="EMAIL_FROM must look like"):
        load(EMAIL_FROM=text)


@pytest.mark.parametrize("text", ["a@b.org", '"Süd, AG" <a@b.org>', "Süd AG <a@b.org>", "Acme Inc. <a+b@mail.b.org>"])
def test_a_sender_that_mail_can_come_from_is_taken_and_sends(load, text, mailoutbox):
    EmailMessage("Hello", "There", load(EMAIL_FROM=text)["DEFAULT_FROM_EMAIL"], ["kim@example.com"]).send()

    assert re.search(r"(?m)^From: .*@.*b\.org", mailoutbox[0].message().as_string())


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "m2v", "m2v.example.com"])
def test_the_default_sender_is_one_whatever_the_site_is_called(load, host):
    assert "@" in load(BASE_URL=f"http://{host}")["DEFAULT_FROM_EMAIL"]


# --- Others ---


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("http://localhost:8000", True),
        ("http://m2v.localhost", True),
        ("https://m2v.example.com", True),
        ("https://m2v", True),
        ("http://127.0.0.1:8000", False),
        ("https://192.0.2.7", False),
        ("http://[::1]:8000", False),
        ("http://m2v.example.com", False),
    ],
)
def test_an_address_where_browsers_allow_no_passkeys_is_known(load, address, allowed):
    assert (load(BASE_URL=address)["PASSKEYS_REFUSED"] == "") is allowed


@pytest.mark.parametrize(
    ("variables", "allowed"),
    [
        ({}, True),
        ({"DATABASE_URL": "postgres://m2v:x@db.example/suite"}, False),
        ({"DATABASE_URL": "sqlite:////srv/m2v.sqlite3"}, False),
        ({"BASE_URL": "https://m2v.example.com"}, False),
    ],
)
def test_demo_people_go_into_the_embedded_default_alone(load, variables, allowed):
    assert load(**variables)["DEMO_ALLOWED"] is allowed


def test_forwarded_headers_count_only_behind_a_proxy_of_ours(load):
    assert load()["SECURE_PROXY_SSL_HEADER"] is None
    assert load(BEHIND_PROXY="true", BASE_URL=HTTPS)["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")


@pytest.mark.parametrize(("said", "number"), [("", 0), ("false", 0), ("0", 0), ("true", 1), ("1", 1), ("2", 2)])
def test_how_many_proxies_there_are_is_a_number_or_true_for_one(load, said, number):
    assert load(BEHIND_PROXY=said, BASE_URL=HTTPS)["BEHIND_PROXY"] == number


@pytest.mark.parametrize(
    ("name", "value"),
    [("BEHIND_PROXY", "many"), ("BEHIND_PROXY", "-1"), ("BEHIND_PROXY", "10"), ("WORKERS", "0"), ("WORKERS", "many")],
)
def test_numbers_of_proxies_and_workers_that_are_none_stop_the_start(load, name, value):
    with pytest.raises(ImproperlyConfigured, match=name):
        load(**{name: value})


def test_debug_serves_static_files_as_they_are(load):
    assert load(DEBUG="true")["STORAGES"]["staticfiles"]["BACKEND"].startswith("django.")
    assert load()["STORAGES"]["staticfiles"]["BACKEND"] == "m2v.storage.StaticStorage"


def test_the_time_zone_is_the_one_that_is_named(load):
    assert load()["TIME_ZONE"] == "UTC"
    assert load(TIME_ZONE="Europe/Berlin")["TIME_ZONE"] == "Europe/Berlin"


def test_sessions_last_as_long_as_is_said(load):
    assert load()["SESSION_IDLE_SECONDS"] == 3600
    assert load()["SESSION_SECONDS"] == load()["SESSION_COOKIE_AGE"] == 86400
    said = load(SESSION_IDLE_SECONDS="900", SESSION_SECONDS="28800")
    assert (said["SESSION_IDLE_SECONDS"], said["SESSION_SECONDS"]) == (900, 28800)


def test_numbers_of_days_are_kept_for_good_or_for_some_months(load):
    assert load()["SNAPSHOT_MONTHS"] == 0
    assert load(SNAPSHOT_MONTHS="24")["SNAPSHOT_MONTHS"] == 24
    for months in ("0", "1", "-2", "121", "two", "2.0", "٢"):
        with pytest.raises(
            ImproperlyConfigured, match=r"^SNAPSHOT_MONTHS must be a number of months, from 2 to 120\. "
        ):
            load(SNAPSHOT_MONTHS=months)


@pytest.mark.parametrize(("name", "days", "most"), [("GUESS_DAYS", 30, 366), ("INVITATION_DAYS", 7, 30)])
def test_guesses_and_invitations_are_kept_for_as_many_days_as_is_said(load, name, days, most):
    least = 2 if name == "GUESS_DAYS" else 1
    assert load()[name] == days
    for number in (least, most):
        assert load(**{name: str(number)})[name] == number
    for text in ("", "0", str(least - 1), "-2", str(most + 1), "two", "2.0", "٢"):
        with pytest.raises(
            ImproperlyConfigured, match=rf"^{name} must be a number of days, from {least} to {most}\. It is "
        ):
            load(**{name: text})


def test_where_and_when_people_sign_in_is_shown_to_administrators_or_not(load):
    assert load()["SHOW_WHEREABOUTS"] is True
    for said in ("0", "false", "no"):
        assert load(SHOW_WHEREABOUTS=said)["SHOW_WHEREABOUTS"] is False
    with pytest.raises(ImproperlyConfigured, match="SHOW_WHEREABOUTS must be true or false"):
        load(SHOW_WHEREABOUTS="perhaps")


@pytest.mark.parametrize("name", ["SESSION_IDLE_SECONDS", "SESSION_SECONDS"])
@pytest.mark.parametrize("seconds", ["59", "0", "-60", "", "an hour", "1e3", "3600.0", "99999999999"])
def test_a_time_that_is_none_is_refused_with_its_name(load, name, seconds):
    with pytest.raises(ImproperlyConfigured, match=f"^{name} must be a number of seconds, from 60 to 31622400 "):
        load(**{name: seconds})


def test_a_port_that_is_none_is_refused_with_its_name(load):
    with pytest.raises(ImproperlyConfigured, match="PORT"):
        load(PORT="eight")


@pytest.mark.parametrize("word", ["no", "off", "0", "false", ""])
def test_debug_is_off_unless_it_is_switched_on(load, word):
    assert load(DEBUG=word)["DEBUG"] is False


def test_a_deployment_passes_djangos_own_checks(manage):
    """What else it finds are the doctor's findings on a machine with neither database, proxy nor mail server."""
    answer = manage("check", "--deploy", "--fail-level", "WARNING", BASE_URL="https://m2v.example.com")

    assert set(re.findall(r"\(([\w.]+)\.[A-Z]\d+\)", answer.stderr)) == {"m2v"}, answer.stderr


def test_the_models_and_the_migrations_agree(manage):
    assert manage("makemigrations", "--check", "--dry-run").returncode == 0


# --- What is wrong, all at once ---


def test_all_that_is_wrong_is_said_at_once(load):
    with pytest.raises(ImproperlyConfigured) as trouble:
        load(
            BASE_URL="m2v.example.com",
            PORT="eight",
            DEBUG="perhaps",
            SECRET_KEY="x",
            TIME_ZONE="Mars",
            EMAIL_FROM="m2v",
        )

    said = str(trouble.value).splitlines()
    assert said[0] == "Several settings are wrong:"
    assert [line.split()[1] for line in said[1:]] == [
        "DEBUG",
        "PORT",
        "BASE_URL",
        "SECRET_KEY",
        "TIME_ZONE",
        "EMAIL_FROM",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "perhaps"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("TIME_ZONE", "../zone"),
        ("TIME_ZONE", "Europe"),
        ("HSTS", "everywhere"),
        ("METRICS", "9100"),
        ("METRICS", "127.0.0.1"),
        ("METRICS", "http://127.0.0.1:9100"),
        ("METRICS", "localhost:9100"),
        ("METRICS", "127.0.0.1:0"),
        ("METRICS", "127.0.0.1:65536"),
        ("CACHE_URL", "carrier-pigeon://cache"),
        ("AUDIT_SIGNING_KEY", "short"),
        ("AUDIT_PUBLIC_KEYS", f"{KEY},short"),
        ("GRANIAN_SSL_CERTIFICATE", "/nowhere/m2v.pem"),
        ("HOST", ""),
        ("HOST", "m2v.example.com"),
        ("HOST", "127.0.0.1:8000"),
        ("DATABASE_URL", "mysql://m2v:secret@db.example/m2v"),
        ("DATABASE_URL", "postgis://m2v:secret@db.example/m2v"),
        ("DATA_DIR", __file__),
        ("DATA_DIR", "~nobody-is-called-so/data"),
    ],
)
def test_what_is_wrong_is_named(load, name, value):
    with pytest.raises(ImproperlyConfigured, match=name):
        load(**{name: value})


@pytest.mark.parametrize(
    ("value", "address"), [("", None), ("127.0.0.1:9100", ("127.0.0.1", 9100)), ("[::1]:9100", ("::1", 9100))]
)
def test_monitoring_asks_at_an_address_of_its_own_or_nowhere(load, value, address):
    settings = load(METRICS=value)

    assert settings["METRICS"] == address
    counted = [name for name in settings["MIDDLEWARE"] if name.startswith("m2v.metrics")]
    assert len(counted) == (1 if address else 0)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("BASEURL", "BASE_URL"),
        ("BASE_URI", "BASE_URL"),
        ("DATABASEURL", "DATABASE_URL"),
        ("MFA_ENCRYPTION_KEY", "MFA_ENCRYPTION_KEYS"),
        ("SECRETKEY", "SECRET_KEY"),
        ("BEHIND_A_PROXY", "BEHIND_PROXY"),
        ("EMAIL_ULR", "EMAIL_URL"),
        ("SESSIONS_SECONDS", "SESSION_SECONDS"),
    ],
)
def test_a_name_that_is_almost_ours_stops_the_start(load, misspelt, meant):
    with pytest.raises(ImproperlyConfigured, match=rf"^{misspelt} is not a setting. Did you mean {meant}\?"):
        load(**{misspelt: "x"})


def test_a_name_that_is_almost_ours_is_anothers_where_ours_is_set(load):
    assert load(BASE_URL=HTTPS, BASEURL="x")["BASE_URL"] == HTTPS


@pytest.mark.parametrize(
    "name", ["HOSTNAME", "HOSTS", "MAIL", "TZ", "PORTS", "REDIS_URL", "PYTHONPATH", "DATABASE_HOST"]
)
def test_what_other_programs_are_told_is_nothing_to_us(load, name):
    assert load(**{name: "x"})["BASE_URL"] == "http://localhost:8000"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"BEHIND_PROXY": "1", "BASE_URL": "http://m2v.example.com"}, "BEHIND_PROXY says that a proxy ends TLS"),
        ({"GRANIAN_SSL_CERTIFICATE": __file__, "BASE_URL": HTTPS}, "belong together"),
        ({"GRANIAN_SSL_KEYFILE": __file__, "BASE_URL": HTTPS}, "belong together"),
        ({"GRANIAN_SSL_CERTIFICATE": __file__, "GRANIAN_SSL_KEYFILE": __file__}, "Write it with https"),
        ({"DEBUG": "true", "BASE_URL": HTTPS}, "DEBUG shows what is inside"),
    ],
)
def test_what_cannot_be_meant_together_stops_the_start(load, variables, said):
    with pytest.raises(ImproperlyConfigured, match=said):
        load(**variables)


def test_a_certificate_and_its_key_are_taken_under_https(load, tls_files):
    certificate, key, _other = tls_files
    settings = load(GRANIAN_SSL_CERTIFICATE=certificate, GRANIAN_SSL_KEYFILE=key, BASE_URL=HTTPS)

    assert (settings["TLS_CERTIFICATE"], settings["TLS_KEY"]) == (certificate, key)


def test_what_is_no_certificate_with_its_own_key_stops_the_start_with_both_names(load, tls_files):
    certificate, key, other = tls_files
    for named in ((certificate, other), (certificate, certificate), (key, key), (__file__, __file__)):
        with pytest.raises(ImproperlyConfigured, match="GRANIAN_SSL_CERTIFICATE and GRANIAN_SSL_KEYFILE must be"):
            load(GRANIAN_SSL_CERTIFICATE=named[0], GRANIAN_SSL_KEYFILE=named[1], BASE_URL=HTTPS)


def test_a_file_of_tls_that_cannot_be_read_is_named_and_nothing_else(load, tls_files, monkeypatch):
    certificate, key, _other = tls_files
    unreadable(monkeypatch, key)

    with pytest.raises(ImproperlyConfigured, match=r"^GRANIAN_SSL_KEYFILE .*Permission denied\.$"):
        load(GRANIAN_SSL_CERTIFICATE=certificate, GRANIAN_SSL_KEYFILE=key, BASE_URL=HTTPS)


def unreadable(monkeypatch, file):
    """Refuse to open `file`, as to somebody else: the tests may run as root, who is refused nothing."""
    real = io.open

    def refused(path, *arguments, **more):
        if str(path) == str(file):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, *arguments, **more)

    monkeypatch.setattr(io, "open", refused)


@pytest.mark.parametrize("name", ["secret_key", "mfa_encryption_key", "audit_signing_key"])
def test_a_key_of_somebody_else_is_a_sentence_with_its_place(load, monkeypatch, tmp_path, name):
    load()
    unreadable(monkeypatch, tmp_path / "data" / name)

    with pytest.raises(ImproperlyConfigured, match=rf"data/{name} cannot be used: Permission denied\. .*DATA_DIR"):
        load()


@pytest.mark.parametrize("trouble", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_folder_in_which_nothing_can_be_made_is_a_sentence(load, monkeypatch, trouble):
    def refused(*_arguments, **_more):
        raise OSError(trouble, os.strerror(trouble))

    monkeypatch.setattr("m2v.keys.NamedTemporaryFile", refused)

    with pytest.raises(ImproperlyConfigured, match=os.strerror(trouble)):
        load()


def test_an_outbox_that_cannot_be_made_is_a_sentence(load, tmp_path):
    load()
    (tmp_path / "data" / "outbox").rmdir()
    (tmp_path / "data" / "outbox").touch()

    with pytest.raises(ImproperlyConfigured, match="DATA_DIR must be a folder, or one that can be made"):
        load()


@pytest.mark.parametrize(
    ("said", "address"),
    [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("::1", "::1"), ("[::]", "::")],
)
def test_the_server_listens_at_a_network_address(load, said, address):
    assert load(HOST=said)["HOST"] == address


def test_monitoring_asks_at_another_port_than_people(load):
    for variables in (
        {"METRICS": "127.0.0.1:8000"},
        {"METRICS": "127.0.0.1:9464", "PORT": "9464"},
        {"METRICS": "127.0.0.1:8000", "HOST": "0.0.0.0"},
        {"METRICS": "[::]:8000", "HOST": "::1"},
    ):
        with pytest.raises(ImproperlyConfigured, match="METRICS and the site cannot both listen at port"):
            load(**variables)
    assert load(METRICS="127.0.0.1:8000", HOST="10.0.0.11")["METRICS"] == ("127.0.0.1", 8000)


def test_a_redis_server_needs_the_package_that_speaks_to_it(load, monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)  # as where it is not installed

    with pytest.raises(ImproperlyConfigured, match="CACHE_URL names a Redis server"):
        load(CACHE_URL="redis://cache.example:6380/1")


def test_metrics_need_the_package_that_counts(load, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    with pytest.raises(ImproperlyConfigured, match="METRICS needs the package that counts"):
        load(METRICS="127.0.0.1:9100")


# --- What the browser is told ---


@pytest.mark.parametrize(
    ("reach", "subdomains", "preload"),
    [("preload", True, True), ("subdomains", True, False), ("host", False, False)],
)
def test_how_far_browsers_come_over_tls_alone_is_a_setting(load, reach, subdomains, preload):
    settings = load(BASE_URL=HTTPS, HSTS=reach)

    assert settings["SECURE_HSTS_SECONDS"] > 31_536_000
    assert (settings["SECURE_HSTS_INCLUDE_SUBDOMAINS"], settings["SECURE_HSTS_PRELOAD"]) == (subdomains, preload)


@pytest.mark.row("H-05")
@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({"HSTS": "preload"}, "max-age=63072000; includeSubDomains; preload"),
        ({"HSTS": "subdomains"}, "max-age=63072000; includeSubDomains"),
        ({"HSTS": "host"}, "max-age=63072000"),
        ({"BASE_URL": "http://localhost:8000"}, None),
    ],
)
def test_what_the_server_itself_refuses_reaches_as_far_as_a_page(db, load, settings, variables, header):
    loaded = load(**{"BASE_URL": HTTPS} | variables)
    for name in ("SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD"):
        setattr(settings, name, loaded[name])

    answered = browser().get("/login/", secure=True)
    refused, _body = TOO_LARGE.answer({})

    assert answered.status_code == 200
    assert answered.headers.get("Strict-Transport-Security") == header
    assert dict(refused).get("Strict-Transport-Security") == header


def visit(folder, address):
    """A site of its own at `address`, visited once."""
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    host, scheme = address.partition("://")[2].partition(":")[0], address.partition(":")[0]
    done = subprocess.run(
        [sys.executable, "-m", "tests.m2v.production", host, scheme],
        cwd=ROOT,
        env=environment | {"DATA_DIR": str(folder), "BASE_URL": address},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory):
    return visit(tmp_path_factory.mktemp("tls"), "https://m2v.example.com")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return visit(tmp_path_factory.mktemp("plain"), "http://localhost:8000")


def test_over_tls_cookies_are_bound_to_the_host_and_secure(over_tls):
    assert set(over_tls["cookies"]) == {"__Host-session", "__Host-csrf", "__Host-known", "__Host-forms"}
    for name, cookie in over_tls["cookies"].items():
        samesite = "Strict" if name == "__Host-forms" else "Lax"
        assert cookie == {"secure": True, "httponly": True, "samesite": samesite, "path": "/", "domain": ""}
    assert over_tls["in"] == 200


def test_without_tls_cookies_have_plain_names(plain):
    assert set(plain["cookies"]) == {"session", "csrf", "known", "forms"}
    for name, cookie in plain["cookies"].items():
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict" if name == "forms" else "Lax")
    assert plain["in"] == 200


@pytest.mark.row("ASVS-3.4.1")
def test_over_tls_the_browser_never_comes_without_it_again(over_tls):
    assert over_tls["login"]["headers"]["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains; preload"
    assert over_tls["plain"]["status"] == 301
    assert over_tls["plain"]["headers"]["Location"] == "https://m2v.example.com/login/"


def test_without_tls_nothing_is_promised(plain):
    assert "Strict-Transport-Security" not in plain["login"]["headers"]
    assert plain["plain"]["status"] == 200


def test_a_foreign_host_gets_no_page_and_no_redirect(over_tls, plain):
    for told in (over_tls, plain):
        assert told["foreign"]["status"] == 400
        assert "evil.example" not in told["foreign"]["body"]
        assert "Location" not in told["foreign"]["headers"]


def test_every_page_forbids_what_it_does_not_need(over_tls):
    headers = over_tls["login"]["headers"]

    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http:" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "no-store" in headers["Cache-Control"]


def test_static_files_carry_their_hash_and_are_kept_for_ever(over_tls):
    assert len(over_tls["static"]) >= 4
    for address, file in over_tls["static"].items():
        assert file["status"] == 200, address
        name = address.rpartition("/")[2].split(".")
        assert len(name) == 3, address
        assert len(name[1]) == 12, address
        assert "immutable" in file["headers"]["Cache-Control"]
        assert "Access-Control-Allow-Origin" not in file["headers"]


def test_every_file_that_the_login_loads_is_of_the_right_kind(over_tls):
    kinds = {
        address.rpartition(".")[2]: file["headers"]["Content-Type"] for address, file in over_tls["static"].items()
    }

    assert kinds["css"].startswith("text/css")
    assert kinds["js"].startswith("text/javascript")
    assert kinds["svg"] == "image/svg+xml"


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgres://m2v:Geheim/42@db.example/m2v"),
        ("DATABASE_URL", "postgres://m2v:Geheim?42@db.example/m2v"),
        ("EMAIL_URL", "smtp+tls://m2v:Geheim/42@mail.example:587"),
        ("EMAIL_URL", "smtp+tls://m2v:Geheim?42@mail.example:587"),
        ("EMAIL_URL", "smtp+tls://m2v:[Geheim@mail.example:587"),
        ("EMAIL_URL", "pigeon://m2v:Geheim@mail.example"),
    ],
)
def test_no_part_of_a_password_is_printed_and_how_to_write_it_is(load, name, url):
    with pytest.raises(ImproperlyConfigured) as refused:
        load(**{name: url})

    assert "Geheim" not in str(refused.value)
    assert f"{name} must look like" in str(refused.value)
    assert "write / as %2F" in str(refused.value)
    assert refused.value.__cause__ is None
