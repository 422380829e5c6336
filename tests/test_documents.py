"""What is written down in docs/ is what the site is made of."""

from __future__ import annotations

import re
import tomllib

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from license_expression import get_spdx_licensing

from accounts import keys, sealing
from audit.models import AuditEvent, Checkpoint
from mfa.methods.passkeys import answers
from tests import sbom
from tests.documents import DOCS, table
from tests.rooms import ROOMS

COMPONENTS = DOCS / "dependencies.md"


@pytest.mark.row("ASVS-11.1.2")
def test_every_key_and_algorithm_is_listed():
    text = (DOCS / "secrets.md").read_text()
    named = {row[1] for row in table("Keys", DOCS / "secrets.md")}

    secret = {name for name in dir(settings) if re.search(r"SECRET_KEY|ENCRYPTION_KEY|AUDIT_\w+_KEY", name)}
    assert named == secret
    algorithms = " ".join(row[0] for row in table("Algorithms", DOCS / "secrets.md"))
    for said in ("Argon2id", "AES-256-GCM", "HMAC-SHA-256", "HMAC-SHA-1", "Ed25519", "ECDSA P-256", "RSA from 2048"):
        assert said in algorithms
    assert (keys.KEY_BYTES, sealing.NONCE_BYTES, answers.RSA_BITS) == (32, 12, 2048)
    assert len(answers.KEY_TYPES) == 3
    assert "never in the repository" in text


@pytest.mark.row("ASVS-14.1.1, 14.1.2")
def test_sensitive_data_is_listed_with_how_it_is_kept():
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


@pytest.mark.row("ASVS-6.1.2")
def test_the_written_list_of_words_is_the_one_that_is_looked_at(make_user):
    person = make_user("robin.b", first_name="Maren", last_name="Beck", email="inbox7@acme.example")
    words = {
        "the product’s name": "m2v",
        "the site’s address": "localhost",
        "your user name": "robin",
        "your e-mail address": "inbox7",
        "your name": "maren beck",
        "your company’s name": "machines",
    }

    assert [source for source, _word in table("Words that no password holds", DOCS / "secrets.md")] == list(words)
    for source, word in words.items():
        with pytest.raises(ValidationError) as refused:
            validate_password(f"violet {word} lantern", person)
        assert f"which is {source}." in " ".join(refused.value.messages)


@pytest.mark.row("ASVS-16.1.1")
def test_every_log_is_listed_with_its_format_place_readers_and_end():
    rows = {row[0]: row[1:] for row in table("Logs", DOCS / "secrets.md")}
    code = {
        path.relative_to(DOCS.parent).with_suffix("").as_posix().replace("/", "."): path.read_text()
        for app in ROOMS
        for path in (DOCS.parent / app).rglob("*.py")
    }
    loggers = {
        name or module
        for module, text in code.items()
        for name in re.findall(r'getLogger\((?:"([\w.]+)"|__name__)\)', text)
    }

    tables = {AuditEvent._meta.label, Checkpoint._meta.label}
    assert rows.keys() == loggers | tables | {"django"}
    assert all(all(cells) and len(cells) == 5 for cells in rows.values())
    assert {cells[1] for name, cells in rows.items() if name not in tables} == {"JSON, a line each"}
    assert settings.LOGGING["handlers"].keys() == {"stderr"}, "no other place"


@pytest.mark.row("ASVS-15.1.1, 15.2.1")
def test_every_component_that_was_chosen_says_how_soon_it_is_updated():
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())["project"]
    direct = {
        re.split(r"[\[<>=!~;\s]", package)[0]
        for package in [*project["dependencies"], *project["optional-dependencies"]["metrics"]]
    }
    rows = table("What we chose", COMPONENTS)

    assert [row[0] for row in rows] == sorted(direct)
    for name, *said, severe, others in rows:
        assert all(said), name
        assert len(said) == 4, name
        assert 0 < int(severe) <= 14, name
        assert int(severe) <= int(others) <= 90, name


@pytest.mark.row("ASVS-15.1.1, 15.2.1")
def test_every_package_of_the_locks_has_its_line_with_its_licence_and_what_needs_it():
    chosen = {row[0]: row[3] for row in table("What we chose", COMPONENTS)}
    brought = {row[0]: row[1:] for row in table("What they bring along", COMPONENTS)}
    locked = sbom.needed_by()
    here = {name for name, _version in sbom.pinned()}

    assert chosen.keys() | brought.keys() == locked.keys()
    assert not chosen.keys() & brought.keys()
    assert list(brought) == sorted(brought)
    assert {name: set(said[1].split(", ")) for name, said in brought.items()} == {
        name: locked[name] for name in brought
    }
    assert all(all(said) and len(said) == 4 for said in brought.values())
    licences = chosen | {name: said[3] for name, said in brought.items()}
    assert {name: licences[name] for name in here} == {name: sbom.licence(name) for name in here}
    assert [said for said in licences.values() if get_spdx_licensing().validate(said).errors] == []
    windows = {name for name in brought if "Windows" in brought[name][0]}
    assert locked.keys() - here == windows
