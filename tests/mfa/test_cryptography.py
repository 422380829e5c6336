"""Keys, ciphers, hashes and randomness."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from io import StringIO
from math import log2
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.hashers import get_hasher, make_password
from django.core.management import call_command

from accounts import invitations, sealing
from accounts import keys as keys_of_the_site
from accounts.hashers import Argon2Hasher
from accounts.sealing import Purpose, Unreadable, seal, unseal
from accounts.sessions.store import new_key
from mfa.methods import recovery_codes, totp
from mfa.models import AuthenticatorApp
from tests.links import SITE
from tests.mfa.test_sealing import a_key
from tests.people import browser
from tests.rooms import ROOMS

ROOT = Path(settings.ROOT)
SOURCES = [file for app in ROOMS for file in (ROOT / app).rglob("*.py")]
CRYPTOGRAPHY = {
    "hashlib", "hmac", "secrets", "cryptography", "argon2", "random", "Crypto", "nacl", "ssl", "jwt", "pyrage",
}  # fmt: skip


@pytest.fixture
def keys(settings):
    def change(*keys):
        settings.MFA_ENCRYPTION_KEYS = list(keys)
        sealing.ciphers.cache_clear()

    yield change
    sealing.ciphers.cache_clear()


def imported():
    """The top-level modules that our code imports."""
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from (name.name.split(".")[0] for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.split(".")[0]


@pytest.mark.row("ASVS-11.1.1")
def test_keys_are_changed_while_the_old_one_still_opens(kim, keys):
    old, new = a_key("old"), a_key("new")
    keys(old)
    kim.set_up_app()
    keys(new, old)
    kim.enter_password()
    assert kim.enter_code(kim.code(-1)).headers["Location"] == "/", "before"
    call_command("rotate_mfa_keys", stdout=StringIO())

    keys(new)

    kim.client = browser()
    kim.enter_password()
    assert kim.enter_code().headers["Location"] == "/", "after"


@pytest.mark.row("ASVS-11.2.1")
def test_only_proved_libraries_do_the_work():
    """`ssl` looks at the site's own certificate, and pyrage seals backups."""
    assert set(imported()) & CRYPTOGRAPHY <= {"hashlib", "hmac", "secrets", "cryptography", "ssl", "pyrage"}


@pytest.mark.row("ASVS-11.2.2")
def test_what_is_sealed_names_its_key(keys):
    keys(a_key("2026"))

    assert seal(b"secret", "kim", Purpose.APP)[:5] == b"\x042026"


@pytest.mark.row("ASVS-11.2.3")
def test_keys_have_256_bits():
    assert keys_of_the_site.KEY_BYTES * 8 == 256
    assert totp.KEY_BYTES * 8 == 160


@pytest.mark.row("ASVS-11.2.4")
def test_secrets_are_compared_in_constant_time():
    """All that we compare ourselves: Django compares passwords and signed links, and sessions are looked up by a digest."""
    assert {
        f"{file.relative_to(ROOT)}: {function.name}"
        for file in SOURCES
        for function in ast.walk(ast.parse(file.read_text()))
        if isinstance(function, ast.FunctionDef)
        and re.search(r"\b(constant_time_compare|hmac\.compare_digest)\(", ast.unparse(function))
    } == {
        "accounts/invitations.py: check_token",
        "accounts/invitations.py: knows",
        "mfa/methods/access_pass/verification.py: verify",
        "mfa/methods/recovery_codes/verification.py: spend",
        "mfa/held_forms.py: waiting",
        "mfa/methods/totp/codes.py: matching_step",
    }


@pytest.mark.row("ASVS-11.2.4")
def test_what_is_compared_otherwise_is_no_secret():
    """Whatever is called as secrets are: each comparison, and why it may take as long as it likes."""
    secret = re.compile(
        r"(?<!pass)key|code|token|digest|hash|mac$|password|secret|signature|trace|nonce|handle|challenge|typed|expected"
    )
    plainly = {
        ast.unparse(node)
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Compare) and isinstance(node.ops[-1], ast.Eq | ast.NotEq | ast.In | ast.NotIn)
        if any(
            secret.search(name.id if isinstance(name, ast.Name) else name.attr)
            for name in ast.walk(node)
            if isinstance(name, ast.Name | ast.Attribute)
        )
    }

    assert plainly == {
        "'@' in typed.translate(AT)",  # a user name or an address, as anybody may type one
        # Whoever answers was told it: it keeps answers apart, and the signature proves.
        "each.challenge == said.get('challenge')",
        "handle != user_handle",
        # Both are public: the digest of the site's own name.
        "told.rp_id_hash != sha256(settings.PASSKEY_RP_ID.encode()).digest()",
        # Typed twice by one person at one prompt.
        "password != getpass.getpass(_('The same again: '))",
        # Whoever chooses a password types it, and the lists are published.
        "password.lower().strip() in _published()",
        "word in typed",
        # Names of what a line says, and of acts on many.
        "key in event.details",
        "(key := _work_of(line)) not in self._own_work",
        r"'\x00' in password",
        # A session's own key before and after it was renewed, and whether what it holds was saved already.
        "self.row_key == self.session_key",
        "self.decode(row.session_data) == contents",
        # The path of a form that waits, of those whose keys this browser's own cookie has.
        "path_of(key) == path",
        # The word that stands in the address instead of the token.
        "token != OPENED",
        "token == OPENED",
        # Lines, checkpoints and the public key are shown to whoever reads them: a signature proves, and hides nothing.
        "expected not in known",
        "raw.hex().encode() == signature",
        "hash_of(lines) == said.sha256",
        "said.before != (digest(after.statement) if after else '')",
        # People, by the keys of their rows.
        "User.objects.managed_by(actor).filter(pk__in=keys).count() != len(set(keys))",
        "key != acting.pk",
        "key == actor.pk",
        "key in held.reached",
        "key not in held.reached",
        "key not in left_out",
        # Names: of a budget, of what mail is about, of an application, of a report's fields.
        "count != held[key]",
        "app.key in names",
        "key in body",
        # Names: of a factor that is kept or removed.
        "APP not in keys",
        "str(passkey.pk) not in keys",
        "str(passkey.pk) in keys",
        "APP_BEFORE in keys",
        "CODES_BEFORE in keys",
        # When codes and their app were removed.
        "code.removed_at == app.removed_at",
        # Names: of a span of time, of a filter of a list.
        "key != RANGE",
        "key in exports.FILTERS",
        # What a cell of an imported file says, and which of Django's checks it failed.
        "trouble.error_list[0].code == 'invalid'",
        "_as_word(typed) not in known",
        "self._found(typed) != self.actor.company",
        "self.cleaned_data[factor.key] == Fate.KEEP",
        # Whoever restores a backup has both keys in their hands.
        "path.read_text().strip() == keys_in_use()[name]",
        # Names: of what is known of a database's address. Numbers: of a mail server's answers.
        "key in known",
        "code in MAILBOX_CODES",
        "code not in FINAL_CODES",
        "trouble.smtp_code != LINE_IS_CLOSED",
        # Two rows of the database, before and after an act.
        "now.digest == given.digest",
        # The class of a letter, before anything is compared.
        "unicodedata.category(letter) in {'Pd', 'Cf', 'Zs', 'Zl', 'Zp'}",
    }


@pytest.mark.row("ASVS-11.2.5")
@pytest.mark.parametrize("sealed", [b"", b"\x02k1", b"\x02k1" + bytes(40)])
def test_what_cannot_be_opened_lets_nobody_in_and_says_nothing(sealed, kim):
    kim.set_up_app()
    AuthenticatorApp.objects.update(key=sealed)
    kim.enter_password()

    answer = kim.enter_code()

    assert answer.status_code == 503
    assert "Unreadable" not in answer.content.decode()
    assert not kim.is_in


@pytest.mark.row("ASVS-11.3.1, 11.3.2")
def test_secrets_are_sealed_with_aes_gcm(keys):
    keys(a_key("k"))

    assert {type(key).__name__ for key in sealing.ciphers().values()} == {"AESGCM"}
    source = "".join(file.read_text() for file in SOURCES)
    assert "ECB" not in source
    assert "PKCS1v15" not in source


@pytest.mark.row("ASVS-11.3.3")
def test_one_changed_bit_is_noticed():
    """Anywhere: in the key's id, the nonce, the text or its tag."""
    sealed = seal(b"12345678901234567890", "kim", Purpose.APP)
    assert unseal(sealed, "kim", Purpose.APP) == b"12345678901234567890"

    for place in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(Unreadable):
            unseal(bytes(changed), "kim", Purpose.APP)


@pytest.mark.row("ASVS-11.3.3")
@pytest.mark.parametrize(
    "changed",
    [lambda sealed: sealed[:-1], lambda sealed: sealed + b"\\0", lambda sealed: sealed[:-16]],
    ids=["a byte less", "a byte more", "no tag"],
)
def test_what_is_shorter_or_longer_is_noticed(changed):
    with pytest.raises(Unreadable):
        unseal(changed(seal(b"12345678901234567890", "kim", Purpose.APP)), "kim", Purpose.APP)


@pytest.mark.row("ASVS-11.3.4")
def test_no_nonce_comes_twice():
    start = 1 + seal(b"", "kim", Purpose.APP)[0]

    assert (
        len({seal(b"secret", "kim", Purpose.APP)[start : start + sealing.NONCE_BYTES] for _number in range(1000)})
        == 1000
    )


@pytest.mark.row("ASVS-11.4.1")
def test_no_broken_hash_is_used():
    for file in SOURCES:
        text = file.read_text().lower()
        assert "md5" not in text, file
        assert "hashlib.sha1" not in text, file
        assert "import sha1" not in text, file


@pytest.mark.row("ASVS-11.4.2")
def test_passwords_are_hashed_with_argon2id_at_todays_cost():
    """By the settings of the site: tests have a quicker hasher."""
    asked = "from m2v.settings import PASSWORD_HASHERS; print(PASSWORD_HASHERS)"
    said = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert said.strip() == "['accounts.hashers.Argon2Hasher']"
    hasher = Argon2Hasher()
    assert hasher.encode("four words in line", hasher.salt()).startswith("argon2$argon2id$v=19$m=102400,t=2,p=1$")


@pytest.mark.row("ASVS-11.4.3, 11.4.4")
def test_nothing_is_derived_from_a_password():
    source = "".join(file.read_text() for file in SOURCES if file.name != "keys_in_use.py")  # derives from keys alone

    assert not any(name in source for name in ("pbkdf2", "scrypt(", "HKDF", "PBKDF2HMAC"))


@pytest.mark.row("ASVS-11.5.1")
def test_what_must_not_be_guessed_has_128_bits(kim, admin):
    """Sessions, links, keys, nonces beside a key; a recovery code has the 80 that NIST asks 64 of, under throttling."""
    key = new_key()
    token = invitations.invite(kim.user, actor=admin).removeprefix(SITE).split("/")[-2].split("-")[1]

    assert len(key) * 6 >= 128
    assert len(token) * 4 >= 128
    assert len(totp.new_key()) * 8 >= 128
    assert recovery_codes.LENGTH * log2(len(recovery_codes.ALPHABET)) >= 64
    assert len({new_key() for _number in range(1000)}) == 1000


@pytest.mark.row("ASVS-11.5.2")
def test_randomness_is_the_systems():
    assert "random" not in set(imported()) - {"secrets"}


@pytest.mark.row("N-3.1.1.2-hash")
def test_a_stored_password_says_its_scheme_cost_and_salt():
    hasher = get_hasher("default")
    assert make_password("four words in line").split("$")[0] == hasher.algorithm
    stored = Argon2Hasher().encode("four words in line", Argon2Hasher().salt())
    _django, scheme, version, cost, salt, _digest = stored.split("$")

    assert (scheme, version, cost) == ("argon2id", "v=19", "m=102400,t=2,p=1")
    assert len(salt) * 6 >= 32
