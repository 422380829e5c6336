"""What `manage.py doctor` and `check --deploy` find, and what they say to do."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from threading import Thread
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.management import CommandError, call_command
from django.tasks import task
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from audit.recording import record
from audit.vocabulary import Action
from companies.listing import upkeep
from m2v import findings
from m2v.mail_settings import FILES, SMTP
from m2v.start import see_tables_and_keys
from tests.with_postgres import free_port


def ids(look):
    return [each.id for each in look]


def found():
    return {each.id for each in findings.deployment_check()}


@task
def nothing():
    """Something for the queue."""


def test_a_sound_site_is_said_to_be_sound_part_by_part(admin, capsys):
    call_command("doctor")

    said = capsys.readouterr().out
    for look in findings.EXAMINATIONS:
        assert str(look.fine) in said or look.ask is findings._ntp


def test_every_finding_says_what_to_do_and_what_is_broken_ends_with_1(admin, settings, capsys):
    settings.OVER_TLS, settings.BASE_URL = True, "https://localhost"
    settings.METRICS = ("192.0.2.7", 9100)
    settings.MAILERS = {"default": {"BACKEND": SMTP, "OPTIONS": {"host": "127.0.0.1", "port": free_port()}}}

    with pytest.raises(CommandError, match=r"nothing ends TLS. Set BEHIND_PROXY") as told:
        call_command("doctor")

    assert "The mail server does not take mail: ConnectionRefusedError" in str(told.value)
    assert "METRICS is not on the loopback address. Use 127.0.0.1" in capsys.readouterr().out
    assert {"m2v.E009", "m2v.E007", "m2v.W007"} <= found()
    assert all(each.hint for each in findings.deployment_check())


def test_work_that_nobody_takes_up_is_found(admin, settings):
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    nothing.enqueue()
    assert "m2v.E005" not in found()

    DBTaskResult.objects.update(enqueued_at=timezone.now() - timedelta(minutes=11))

    assert "m2v.E005" in found()


def test_lines_that_are_not_sealed_are_found(admin, time_machine):
    begun = timezone.now()
    time_machine.move_to(begun, tick=False)
    record(Action.SIGNED_OUT, actor=admin, subject=admin)
    assert "m2v.W001" not in found()

    time_machine.shift(timedelta(minutes=16))

    assert "m2v.W001" in found()


def test_lists_that_nothing_keeps_are_found_and_hide_nothing_else(admin, capsys):
    """A backup, which looks at tables and keys too, is made all the same."""
    upkeep.take_away()

    with pytest.raises(CommandError, match="Nothing keeps the lists of people") as told:
        call_command("doctor")

    assert "of this version" not in str(told.value)
    assert "m2v.E003" in found()
    see_tables_and_keys()


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "level"), [(0, None), (10, "WARNING"), (3600, "ERROR")])
def test_a_clock_that_is_not_the_databases_is_found(seconds, level, monkeypatch):
    ahead = timezone.now() + timedelta(seconds=seconds)
    monkeypatch.setattr("m2v.findings.timezone.now", lambda: ahead)

    assert [each.level for each in findings._clock()] == ([getattr(findings.checks, level)] if level else [])


@pytest.mark.django_db
@pytest.mark.parametrize(("megabytes", "level"), [(5000, None), (700, "WARNING"), (70, "ERROR")])
def test_a_disk_that_is_nearly_full_is_found_once_and_told_to_be_mended(megabytes, level, monkeypatch):
    monkeypatch.setattr("m2v.disks.disk_usage", lambda folder: SimpleNamespace(free=megabytes * 1_000_000 + 1))

    found = list(findings._disks())

    assert {each.level for each in found} == ({getattr(findings.checks, level)} if level else set())
    assert all(f"has room for {megabytes} MB more." in each.msg and "Make room" in each.hint for each in found)
    assert len({each.msg for each in found}) == len(found)


@pytest.mark.parametrize(("state", "expected"), [(0, []), (5, ["m2v.W005"]), (None, ["m2v.W004"])])
def test_what_the_kernel_says_of_its_clock_is_believed(state, expected, monkeypatch):
    monkeypatch.setattr(findings, "kernels_clock", lambda: state)

    assert ids(findings._ntp()) == expected


def test_the_kernel_is_asked():
    assert findings.kernels_clock() in {None, *range(6)}


def test_how_much_waits_and_for_how_long_is_said_always(admin, capsys):
    call_command("doctor")

    said = capsys.readouterr().out
    assert "waiting, the first for 0 min, of which 0 are refused by their mailboxes for now" in said
    assert "Acts on many and imports: 0 waiting, the first for 0 min." in said


def test_a_mail_is_sent_where_one_is_asked_for(admin, mailoutbox, capsys):
    call_command("doctor", send_mail="kim@example.com")

    [mail] = mailoutbox
    assert mail.to == ["kim@example.com"]
    assert "kim@example.com was taken by the mail server" in capsys.readouterr().out


def test_where_mail_goes_to_files_no_server_took_it(admin, settings, tmp_path, capsys):
    settings.MAILERS = {"default": {"BACKEND": FILES, "OPTIONS": {"file_path": str(tmp_path)}}}

    call_command("doctor", send_mail="kim@example.com")

    assert list(tmp_path.iterdir())
    said = capsys.readouterr().out
    assert "kim@example.com was written to a file" in said
    assert "taken by the mail server" not in said


def test_what_is_no_address_gets_no_mail(admin, mailoutbox):
    with pytest.raises(CommandError, match="kim is not an e-mail address"):
        call_command("doctor", send_mail="kim")

    assert not mailoutbox


def test_where_none_can_be_sent_the_doctor_says_so(admin, settings):
    settings.MAILERS = {"default": {"BACKEND": SMTP, "OPTIONS": {"host": "127.0.0.1", "port": free_port()}}}

    with pytest.raises(CommandError, match="No mail could be sent: ConnectionRefusedError"):
        call_command("doctor", send_mail="kim@example.com")


# --- As browsers reach it ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Writes a certificate for 127.0.0.1 that ends in so many days, with its key; its path."""

    def written(days):
        key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "m2v")])
        now = datetime.now(UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=100))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        path = tmp_path_factory.mktemp("tls") / f"{days}.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(built.public_bytes(serialization.Encoding.PEM) + secret)
        return path

    return written


@contextmanager
def proxy(path, status, headers):
    """Something that ends TLS and answers so; its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.handle_request)
    thread.start()
    yield server.server_address[1]
    thread.join(10)
    server.server_close()


OURS = {"X-Request-ID": "0000-0000-0000-0000"}


@pytest.mark.parametrize(
    ("days", "status", "headers", "expected"),
    [
        (90, 200, OURS, []),
        (5, 200, OURS, ["m2v.W009"]),
        (90, 301, OURS, ["m2v.E012"]),
        (90, 400, OURS, ["m2v.E013"]),
        (90, 503, OURS, ["m2v.E014"]),
        (90, 200, {}, ["m2v.E011"]),
    ],
)
def test_what_browsers_would_get_at_the_address_is_looked_at(days, status, headers, expected, certificate, monkeypatch):
    path = certificate(days)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with proxy(path, status, headers) as port:
        assert ids(findings.asked_as_browsers_do("127.0.0.1", port)) == expected


def test_a_certificate_that_browsers_do_not_trust_is_found(certificate):
    with proxy(certificate(90), 200, OURS) as port:
        assert ids(findings.asked_as_browsers_do("127.0.0.1", port)) == ["m2v.E010"]


def test_an_address_that_does_not_answer_is_found():
    assert ids(findings.asked_as_browsers_do("127.0.0.1", free_port())) == ["m2v.W008"]
