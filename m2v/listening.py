"""Readers for where the site listens, for people and for monitoring, and by which certificate (m2v.environment)."""

from __future__ import annotations

import ssl
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from m2v.shell import in_the_shells_words as _

if TYPE_CHECKING:
    from collections.abc import Iterator


def address(text: str) -> str:
    """The network address where the server listens. Raises ImproperlyConfigured."""
    said = text.strip()
    try:
        return str(ip_address("127.0.0.1" if said == "localhost" else said.removeprefix("[").removesuffix("]")))
    except ValueError as trouble:
        wrong = _("HOST must be a network address of this machine, like 127.0.0.1, or 0.0.0.0 for all. It is {text!r}.")
        raise ImproperlyConfigured(wrong.format(text=text)) from trouble


def metrics(text: str) -> tuple[str, int] | None:
    """The network address and port where monitoring asks; None where it does not. Raises ImproperlyConfigured."""
    if not text.strip():
        return None
    try:
        parts = urlsplit(f"//{text.strip()}")
        address, number = str(ip_address(parts.hostname or "")), parts.port
    except ValueError:
        number = None
    if not number or parts.path or parts.query or parts.fragment or parts.username is not None:
        wrong = _("METRICS must be a network address and a port, like 127.0.0.1:9464. It is {text!r}.")
        raise ImproperlyConfigured(wrong.format(text=text))
    if find_spec("prometheus_client") is None:
        raise ImproperlyConfigured(_("METRICS needs the package that counts. Install it: prometheus-client."))
    return address, number


def certificate(name: str, text: str) -> str:
    """The path of a file that granian reads, or nothing. Raises ImproperlyConfigured where it cannot be read."""
    if text:
        try:
            Path(text).open("rb").close()
        except OSError as trouble:
            wrong = _("{name} must be the path of a file that the site may read. {text}: {why}.")
            raise ImproperlyConfigured(wrong.format(name=name, text=text, why=trouble.strerror)) from trouble
    return text


def no_pair(certificate: str, key: str) -> str:
    """Why no server can use these files, or nothing."""
    try:
        # Without a passphrase it would be asked for.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as trouble:
        return trouble.reason or str(trouble)
    return ""


def same_port(site: tuple[str, int], monitoring: tuple[str, int] | None) -> Iterator[str]:
    """What is wrong where people and monitoring are to be answered at one port."""
    if monitoring is None or site[1] != monitoring[1]:
        return
    addresses = {ip_address(site[0]), ip_address(monitoring[0])}
    if len(addresses) == 1 or any(address.is_unspecified for address in addresses):
        text = _("METRICS and the site cannot both listen at port {port}. Give METRICS another one, such as 9464.")
        yield text.format(port=site[1])
