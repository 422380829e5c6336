#!/usr/bin/env python3
"""Prove an export of the audit, without the product and without a secret: `check_audit.py EXPORT PUBLIC_KEY`.

EXPORT is what `manage.py audit_export` wrote, PUBLIC_KEY what the site logs at its start (behind -- if it begins with a
dash); after a change of keys, give each. Ends with 0 and what was proved, or with 1 and the first thing that is wrong. Needs the package `cryptography`.

No export shows that its end was cut off: give a checkpoint of the site's log, --checkpoint NUMBER:SHA256, which must
be there. Lines at the end that are under no checkpoint yet are nobody's word but the database's.

The format: JSON, one value a line. The first object says when it was exported. An array is a line of the audit: id,
time, action, actor, subject, company, network address, browser, details. An object is a checkpoint over the lines
since the one before: `statement` is text, signed with Ed25519 (`signature`, in hexadecimal). It says `number`, `first`
and `last` line, their `count`, `sha256` over the lines (their bytes, a line feed behind each), and `before`, the
SHA-256 of the statement before; `marks` has the id of each line and the first eight digits of its own SHA-256.
"""

import argparse
import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

UNSEALED, CLOCKS = timedelta(minutes=15), timedelta(minutes=1)  # the longest wait; how far apart servers' clocks may be


class Wrong(Exception):
    """Something is not as it was sealed. Says what."""


def check(export, keys, expected=""):
    """What was proved of `export`, an iterable of lines of bytes. Raises Wrong."""
    lines = (raw.removesuffix(b"\n") for raw in export)
    try:
        header = json.loads(next(lines, b""))
        at = datetime.fromisoformat(header["at"])
    except (ValueError, TypeError, LookupError) as trouble:
        raise Wrong("This is no export of the audit: its first line does not say so.") from trouble
    pending, number, last, before, total, known = [], 0, -(2**63) - 1, "", 0, {""}
    for raw in lines:
        if raw.startswith(b"["):
            pending.append(raw)
            continue
        number += 1
        statement = signed(raw, keys, number)
        if statement["number"] != number or statement["before"] != before:
            raise Wrong(f"Checkpoint {number} does not follow the one before: one was removed or exchanged.")
        compare(pending, statement)
        total, pending, last = total + len(pending), [], statement["last"]
        before = sha256(json.loads(raw)["statement"].encode()).hexdigest()
        known.add(f"{number}:{before}")
    for raw in pending:
        last = see_young(raw, last, at)
    if expected not in known:
        raise Wrong(f"Checkpoint {expected} is not there: the audit was cut off, or written anew.")
    return (
        f"All is as it was sealed. Lines: {total}, the newest checkpoint: {number}:{before}. "
        f"Lines of the last minutes before {at}, under none yet: {len(pending)}."
    )


def signed(raw, keys, number):
    """What the checkpoint `raw` says, if one of `keys` signed it. Raises Wrong."""
    try:
        stored = json.loads(raw)
        text, signature = stored["statement"].encode(), bytes.fromhex(stored["signature"])
        as_kept = stored["checkpoint"] == number and signature.hex() == stored["signature"]
        if as_kept and any(fits(key, signature, text) for key in keys):
            return json.loads(text)
    except (ValueError, TypeError, LookupError, AttributeError):
        pass
    raise Wrong(f"Checkpoint {number} was changed, removed, or signed with another key.")


def fits(key, signature, text):
    """Does `key` say that `signature` is over `text`?"""
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True


def compare(lines, said):
    """Are `lines` those that the checkpoint was made of? Raises Wrong, and names the first that is not."""
    if sha256(b"".join(line + b"\n" for line in lines)).hexdigest() == said["sha256"]:
        return
    marked = {int(id_): mark for id_, _, mark in (entry.partition(":") for entry in said["marks"].split())}
    there = {int(line[1:].partition(b",")[0]): sha256(line).hexdigest()[:8] for line in lines}
    wrong = [id_ for id_ in sorted(marked | there) if marked.get(id_) != there.get(id_)]
    which = f"Line {wrong[0]}" if wrong else f"One of the lines {said['first']} to {said['last']}"
    raise Wrong(f"{which} is not as it was when checkpoint {said['number']} was made, on {said['at']}.")


def see_young(raw, last, now):
    """The id of a line under no checkpoint, which is young and comes after `last`. Raises Wrong."""
    try:
        id_, at = json.loads(raw)[:2]
        if id_ > last and now - UNSEALED <= datetime.fromisoformat(at).replace(tzinfo=UTC) <= now + CLOCKS:
            return id_
    except (ValueError, TypeError):
        pass
    raise Wrong(f"A line after {last} is under no checkpoint, and not of the last minutes: {raw[:60]!r}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Prove an export of the audit.")
    parser.add_argument("export", type=Path)
    parser.add_argument("keys", nargs="+", metavar="public_key", type=lambda key: key.translate({45: "+", 95: "/"}))
    parser.add_argument("--checkpoint", default="", help="NUMBER:SHA256 of the site's log, which must be there")
    given = parser.parse_args()
    try:
        public = [Ed25519PublicKey.from_public_bytes(b64decode(key)) for key in given.keys]
        with given.export.open("rb") as export:
            print(check(export, public, given.checkpoint))
    except (Wrong, ValueError, OSError) as wrong:
        raise SystemExit(f"Not proved: {wrong}") from wrong
