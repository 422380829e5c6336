"""Files that only the holder of a private key can read: age-encryption.org/v1, which the program `age` reads too.

What goes in is encrypted as it comes, and never lies on the disk as it is. age says that a file is whole and for us, not
who wrote it: whoever knows a recipient can write one.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from hashlib import sha256
from secrets import token_hex
from typing import TYPE_CHECKING, BinaryIO

import pyrage
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

# pyrage's, for the modules beside this one.
type Reader = pyrage.Reader
type Writer = pyrage.Writer
type Identity = pyrage.x25519.Identity
type Recipient = pyrage.x25519.Recipient


class Trouble(Exception):
    """A backup cannot be made or restored. The message says why."""


class FromParts:
    """Something to read from, made of the parts that an iterable gives."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts, self._rest = iter(parts), b""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return b""
            self._rest = part
        read, self._rest = self._rest[:size], self._rest[size:]
        return read


class Hashed:
    """A file whose SHA-256 is taken while it is read or written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._sha256 = file, sha256()

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._sha256.update(data)
        return data

    def write(self, data: bytes) -> int:
        self._sha256.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def hexdigest(self) -> str:
        return self._sha256.hexdigest()


class Nowhere:
    """Takes what is written, and keeps nothing."""

    def write(self, data: bytes) -> int:
        return len(data)

    def flush(self) -> None: ...


def recipients_of(texts: Sequence[str]) -> list[Recipient]:
    """The public keys that `texts` spell. Raises Trouble."""
    try:
        return [pyrage.x25519.Recipient.from_str(text) for text in texts]
    except pyrage.RecipientError as trouble:
        raise Trouble(
            _(
                "A recipient is the public key of an age identity: age1… A private key is not one, and stays off this machine."
            )
        ) from trouble


def identities_in(path: Path) -> list[Identity]:
    """The private keys in the file at `path`, one a line, as `age-keygen` writes them. Raises Trouble."""
    try:
        lines = path.read_text().splitlines()
        found = [
            pyrage.x25519.Identity.from_str(line.strip()) for line in lines if line.strip() and not line.startswith("#")
        ]
    except OSError as trouble:
        raise _unopened(path, trouble) from trouble
    except (ValueError, pyrage.IdentityError) as trouble:
        text = _("{path} cannot be read as an age identity: AGE-SECRET-KEY-1…, one a line.")
        raise Trouble(text.format(path=path)) from trouble
    if not found:
        raise Trouble(_("There is no age identity in {path}.").format(path=path))
    return found


def encrypt(source: Reader, into: Writer, recipients: Sequence[Recipient]) -> None:
    """Hand `source` on, encrypted to `recipients`. Raises Trouble where it cannot be read to its end."""
    try:
        pyrage.encrypt_io(source, into, recipients)
    except pyrage.EncryptError as trouble:
        raise Trouble(_("This cannot be encrypted: {why}").format(why=trouble)) from trouble


def opened(path: Path, into: Writer, identities: Sequence[Identity]) -> str:
    """Decrypt the file at `path`; its SHA-256. Raises Trouble where it is not whole, or not for `identities`.

    What is handed on is as it was encrypted, but whether that was all of it is known at the end.
    """
    try:
        file = path.open("rb")
    except OSError as trouble:
        raise _unopened(path, trouble) from trouble
    try:
        with file:
            sealed = Hashed(file)
            pyrage.decrypt_io(sealed, into, identities)
    except pyrage.DecryptError as trouble:
        text = _("{path} is not an age file, or is encrypted to a recipient other than this identity’s.")
        raise Trouble(text.format(path=path)) from trouble
    except OSError as trouble:
        text = _("{path} cannot be read to its end: {why}. It is not as it was written.")
        raise Trouble(text.format(path=path, why=trouble)) from trouble
    return sealed.hexdigest()


def _unopened(path: Path, trouble: OSError) -> Trouble:
    return Trouble(_("{path} cannot be opened: {why}.").format(path=path, why=trouble.strerror))


@contextmanager
def whole_or_none(path: Path) -> Iterator[Hashed]:
    """A new file that its owner alone may read. It takes the place `path` once all of the block is done and on the disk."""
    for_now = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with os.fdopen(os.open(for_now, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            yield Hashed(file)
            file.flush()
            os.fsync(file.fileno())
        for_now.rename(path)
    finally:
        with suppress(FileNotFoundError):
            for_now.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
