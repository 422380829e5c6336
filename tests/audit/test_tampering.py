"""A thousand ways to tamper with the audit, from the database's own prompt: `audit_verify` and the checker find all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction
from django.utils import timezone

from audit.models import AuditEvent
from audit.sealing import keys, stored
from audit.sealing.checkpoints import Statement, Tampered, digest, seal_lines
from audit.sealing.export import exported
from audit.sealing.proof import verify
from audit.vocabulary import Action
from tests.audit import LINES, SEALS, checker

WAYS = 1000
SQLITE = connection.vendor == "sqlite"
COLUMNS = [column for column in stored.COLUMNS if column != "id"]


class Prompt:
    """Somebody at the database's prompt, who may do everything there, and what they try this time."""

    def __init__(self, seed, people):
        self.random, self.people = Random(seed), people
        self.lines = [line.id for line in stored.lines()]
        self.sealed = Statement.read(stored.newest_checkpoint().statement).last
        self.numbers = [checkpoint.number for checkpoint in stored.checkpoints()]

    def sql(self, statement, *values):
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def a_line(self):
        return self.random.choice([id_ for id_ in self.lines if id_ <= self.sealed])

    def a_gap(self):
        return self.random.choice(sorted(set(range(self.lines[0], self.sealed)) - set(self.lines)))

    def old(self):
        return timezone.now() - timedelta(minutes=self.random.randint(16, 10**6))

    def a_value(self, column):
        match column:
            case "at":
                return str(self.old())[: self.random.choice([19, 26])]
            case "actor_id" | "subject_id":
                return self.random.choice([None, *self.people])
            case "company_id":
                return None
            case "address":
                return self.random.choice([None, f"198.51.100.{self.random.randint(0, 255)}", "2001:db8::7"])
            case "details":
                return json.dumps({"n": self.random.randint(100, 10**9)})
        return self.random.choice(["", "signed_in", "x" * self.random.randint(1, 40), "Firefox \N{SNOWMAN}"])

    # --- Lines ---

    def change(self):
        column = self.random.choice(COLUMNS)
        self.sql(f"UPDATE {LINES} SET {column} = %s WHERE id = %s", self.a_value(column), self.a_line())

    def remove(self):
        first = self.a_line()
        self.sql(f"DELETE FROM {LINES} WHERE id BETWEEN %s AND %s", first, first + self.random.choice([0, 0, 1, 9]))

    def slip_in(self):
        copied = ", ".join("%s" if column == "at" else column for column in COLUMNS)
        place = self.random.choice([self.a_gap(), self.a_gap(), self.lines[-1] + self.random.randint(1, 10**9)])
        self.sql(
            f"INSERT INTO {LINES} (id, {', '.join(COLUMNS)}) SELECT %s, {copied} FROM {LINES} WHERE id = %s",
            place, self.a_value("at"), self.a_line(),
        )  # fmt: skip

    def slip_in_below_1(self):
        names = ", ".join(COLUMNS)
        place = -self.random.choice([0, 1, self.random.randint(2, 2**63 - 1), 2**63])
        self.sql(
            f"INSERT INTO {LINES} (id, {names}) SELECT %s, {names} FROM {LINES} WHERE id = %s", place, self.a_line()
        )

    def move(self):
        self.sql(f"UPDATE {LINES} SET id = %s WHERE id = %s", self.a_gap(), self.a_line())

    def swap(self):
        here, there = self.random.sample([id_ for id_ in self.lines if id_ <= self.sealed], 2)
        for to, of in ((2**62, here), (here, there), (there, 2**62)):
            self.sql(f"UPDATE {LINES} SET id = %s WHERE id = %s", to, of)

    def respell(self):
        """The same to whoever reads it through Django, or nearly."""
        line, spellings = self.a_line(), self.spellings()
        column = self.random.choice(sorted(spellings))
        spelling = self.random.choice(spellings[column])
        self.sql(f"UPDATE {LINES} SET {column} = {spelling} WHERE id = %s", line)

    def spellings(self):
        if not SQLITE:
            return {
                "action": ["upper(action)", "action || ' '"],
                "address": ["set_masklen(address, 24)", "'::ffff:192.0.2.1'"],
                "browser": ["browser || ' '", "normalize(browser, NFD)", "browser || chr(8203)"],
                "details": ["""'{"n": 7.0}'""", """jsonb_set(details, '{n}', '"7"')"""],
                "at": ["at + interval '1 microsecond'", "'infinity'", "at - interval '4051 years'"],
            }
        always = ["CAST({} AS BLOB)", "{} || char(0)"]
        named = {
            "at": ["replace({}, ' ', 'T')", "{} || '0'", "{} || '+00:00'"],
            "subject_id": ["upper({})", "substr({}, 1, 8) || '-' || substr({}, 9)"],
            "actor_id": ["upper({})"],
            "details": ["'{\"n\": 0, ' || substr({}, 2)", "{} || ' '", "replace({}, '\"n\"', '\"\\u006e\"')"],
            "address": ["'0' || {}", "'::ffff:' || {}"],
            "browser": ["replace({}, 'ö', 'o' || char(776))", "CAST(x'ff' AS TEXT)"],
            "action": ["upper({})"],
        }
        return {column: [form.replace("{}", column) for form in always + forms] for column, forms in named.items()}

    # --- Checkpoints ---

    def cut_off(self):
        self.sql(f"DELETE FROM {SEALS} WHERE number > %s", self.random.choice([0, *self.numbers[:-1]]))

    def cut_off_with_lines(self):
        """Nothing inside the database shows it: found by what the log knows."""
        number = self.random.choice(self.numbers[1:])
        [first] = [Statement.read(c.statement).first for c in stored.checkpoints() if c.number == number]
        self.sql(f"DELETE FROM {SEALS} WHERE number >= %s", number)
        self.sql(f"DELETE FROM {LINES} WHERE id >= %s", first)

    def remove_checkpoint(self):
        self.sql(f"DELETE FROM {SEALS} WHERE number = %s", self.random.choice(self.numbers))

    def exchange(self):
        here, there = self.random.sample(self.numbers, 2)
        for to, of in ((99, here), (here, there), (there, 99)):
            self.sql(f"UPDATE {SEALS} SET number = %s WHERE number = %s", to, of)

    def put_in_place_of_another(self):
        here, there = self.random.sample(self.numbers, 2)
        [(statement, signature)] = self.sql(f"SELECT statement, signature FROM {SEALS} WHERE number = %s", there)
        self.sql(f"UPDATE {SEALS} SET statement = %s, signature = %s WHERE number = %s", statement, signature, here)

    def seal_anew_with_another_key(self):
        """After a change of the lines: all fits, but for who signed it."""
        self.change()
        number, before = self.random.choice(self.numbers), ""
        key = Ed25519PrivateKey.generate()
        for checkpoint in list(stored.checkpoints())[number - 1 :]:
            said = Statement.read(checkpoint.statement)
            lines = stored.lines(said.first, said.last)
            made = Statement.about(lines, None) if lines else said
            text = replace(made, number=said.number, before=before or said.before).text()
            before = digest(text.encode())
            self.sql(
                f"UPDATE {SEALS} SET statement = %s, signature = %s WHERE number = %s",
                text, key.sign(text.encode()).hex(), said.number,
            )  # fmt: skip

    def bend(self):
        """One character of a checkpoint."""
        column, number = self.random.choice(["statement", "signature"]), self.random.choice(self.numbers)
        [(text,)] = self.sql(f"SELECT {column} FROM {SEALS} WHERE number = %s", number)
        place, new = self.random.randrange(len(text)), self.random.choice("0123456789abcdef ")
        bent = self.random.choice(
            [text[:place] + new + text[place + 1 :], text[:place] + text[place + 1 :], text.upper()]
        )
        self.sql(f"UPDATE {SEALS} SET {column} = %s WHERE number = %s", bent, number)

    def slip_in_a_checkpoint(self):
        number = self.random.choice([0, -1, self.numbers[-1] + 1, self.numbers[-1] + 7])
        self.sql(
            f"INSERT INTO {SEALS} (number, statement, signature) SELECT %s, statement, signature FROM {SEALS} WHERE number = %s",
            number, self.random.choice(self.numbers),
        )  # fmt: skip


DEEDS = [
    Prompt.change, Prompt.remove, Prompt.slip_in, Prompt.slip_in_below_1, Prompt.move, Prompt.swap, Prompt.respell,
    Prompt.cut_off, Prompt.cut_off_with_lines, Prompt.remove_checkpoint, Prompt.exchange, Prompt.put_in_place_of_another,
    Prompt.seal_anew_with_another_key, Prompt.bend, Prompt.slip_in_a_checkpoint,
]  # fmt: skip


@pytest.fixture
def audited(kim, admin, guards_away):
    """Four checkpoints over lines with gaps between their ids, and two lines of just now."""
    id_ = 0
    for number in range(20):
        id_ = max(AuditEvent.objects.order_by("-pk").values_list("pk", flat=True)[:1], default=0) + 1 + number % 3
        AuditEvent.objects.create(
            pk=id_, at=timezone.now() - timedelta(hours=30 - number), action=Action.REFUSED, actor=admin,
            subject=kim.user, company=kim.user.company, address="192.0.2.1", browser="Öffner", details={"n": 7},
        )  # fmt: skip
        if number % 5 == 4:
            seal_lines()
    for more in (1, 2):
        AuditEvent.objects.create(pk=id_ + more, action=Action.SIGNED_OUT, subject=kim.user)
    return [kim.user.pk.hex if SQLITE else kim.user.pk, admin.pk.hex if SQLITE else admin.pk]


def everything():
    """All that is stored, to see that somebody did something."""
    return [*stored.lines(), *stored.checkpoints()]


def are_found(newest):
    """What each of the two says."""
    public = [checker.Ed25519PublicKey.from_public_bytes(checker.b64decode(keys.public_key()))]
    with pytest.raises(Tampered) as told:
        verify(newest)
    with pytest.raises(checker.Wrong) as proved:
        checker.check(list(exported()), public, newest)
    return str(told.value), str(proved.value)


@pytest.mark.row("ASVS-16.4.2")
def test_a_thousand_ways_to_tamper_are_all_found_by_both(audited):
    newest, before, done, seed = verify().newest, everything(), 0, 0
    assert len(before) == 26

    while done < WAYS:
        seed += 1
        with transaction.atomic():
            prompt = Prompt(seed, audited)
            deed = DEEDS[seed % len(DEEDS)]
            deed(prompt)
            if everything() != before:
                assert all(are_found(newest)), (seed, deed)
                done += 1
            transaction.set_rollback(True)
        assert seed < WAYS * 2

    assert everything() == before
    assert verify(newest).checkpoints == 4
