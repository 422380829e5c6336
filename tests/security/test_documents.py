"""ASVS rows that ask for something written down: what is written is what the site is made of."""

from __future__ import annotations

import re
import tomllib

from django.apps import apps
from django.conf import settings

from mfa import sealing
from mfa.methods import passkeys
from tests.security.documents import DOCS, table


def test_asvs_11_1_2_every_key_and_algorithm_is_listed():
    text = (DOCS / "secrets.md").read_text()
    keys = {row[1] for row in table("Keys", DOCS / "secrets.md")}

    secret = {name for name in dir(settings) if re.search(r"SECRET_KEY|ENCRYPTION_KEY", name)}
    assert keys == secret
    algorithms = " ".join(row[0] for row in table("Algorithms", DOCS / "secrets.md"))
    for said in ("Argon2id", "AES-256-GCM", "HMAC-SHA-256", "HMAC-SHA-1", "Ed25519", "ECDSA P-256", "RSA from 2048"):
        assert said in algorithms
    assert (sealing.KEY_BYTES, sealing.NONCE_BYTES, passkeys.RSA_BITS) == (32, 12, 2048)
    assert len(passkeys.KEY_TYPES) == 3
    assert "never in the repository" in text


def test_asvs_14_1_1_sensitive_data_is_listed_with_how_it_is_kept():
    rows = table("Sensitive data", DOCS / "secrets.md")

    for _data, where, *handling in rows:
        model, _, field = where.partition(".")[2].partition(".")
        found = apps.get_model(where.partition(".")[0], model)
        assert not field or found._meta.get_field(field), where
        assert all(handling)
    listed = {row[1] for row in rows}
    binary = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.__class__.__name__ == "BinaryField"
    }
    assert binary <= listed, "what is kept as bytes is a secret or a key"


def test_asvs_15_1_1_every_component_says_how_soon_it_is_updated():
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())["project"]
    direct = {re.split(r"[\[<>=!~;\s]", package)[0] for package in project["dependencies"]}
    rows = table("Dependencies", DOCS / "dependencies.md")

    assert {row[0] for row in rows} == direct
    for name, _does, severe, others in rows:
        assert 0 < int(severe) <= 14, name
        assert int(severe) <= int(others) <= 90, name
    pinned = (DOCS.parent / "requirements" / "main.txt").read_text()
    assert all(re.search(rf"(?m)^{name}(\[\w+\])?==", pinned) for name in direct)
