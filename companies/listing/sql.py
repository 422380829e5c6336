"""The SQL that keeps the listing: a view that says what is true, and triggers that carry every change over.

All that is made here is called listing_…. The listing's rows are changed by the triggers on people and on what they
hold; the tally, its totals, and on SQLite the search index, by those on the listing.
"""

from __future__ import annotations

from string import Template

EDITION = 1  # one more with each change of any statement here: the next upgrade puts them in place, and fills all anew
USERS = "accounts_user"
LISTING, TALLY, TOTAL = "companies_listing", "companies_tally", "companies_total"
# Whatever decides what kind of person somebody is, by table.
WATCHED = {
    "mfa_authenticatorapp": ("confirmed",),
    "mfa_passkey": ("suspended_at",),
    "mfa_passkeyrequest": (),
    "mfa_recoverycode": ("used_at",),
}
OF_USERS = ("company_id", "is_active", "two_factor_enabled", "role", "locked_at", "search_text", "last_sign_in_at")

# A search finds the beginning of a word by the space before it: the name has one too.
TRUTH = """
CREATE VIEW listing_truth AS
SELECT u.id AS person, u.company_id,
  CASE WHEN u.is_active THEN 1 ELSE 0 END
  + CASE WHEN EXISTS (SELECT 1 FROM mfa_authenticatorapp a WHERE a.user_id = u.id AND a.confirmed) THEN 2 ELSE 0 END
  + CASE WHEN u.two_factor_enabled THEN 4 ELSE 0 END
  + (SELECT CASE WHEN count(*) > 1 THEN 24 WHEN count(*) = 1 THEN 8 ELSE 0 END
     FROM mfa_passkey p WHERE p.user_id = u.id AND p.suspended_at IS NULL)
  + CASE WHEN EXISTS (SELECT 1 FROM mfa_passkeyrequest r WHERE r.user_id = u.id) THEN 32 ELSE 0 END
  + CASE WHEN EXISTS (SELECT 1 FROM mfa_authenticatorapp a WHERE a.user_id = u.id AND a.confirmed)
     AND (SELECT count(*) FROM mfa_recoverycode c WHERE c.user_id = u.id AND c.used_at IS NULL) < 3 THEN 64 ELSE 0 END
  + CASE WHEN u.last_sign_in_at IS NULL THEN 128 ELSE 0 END
  + CASE WHEN u.locked_at IS NULL THEN 0 ELSE 256 END
  + CASE u.role WHEN 'administrator' THEN 512 WHEN 'company_administrator' THEN 1024 WHEN 'helpdesk' THEN 2048
    WHEN 'auditor' THEN 4096 ELSE 0 END
  AS kind,
  ' ' || substr(replace(u.search_text, '\n', ' '), 1, 80) AS name,
  ' ' || replace(u.search_text, '\n', ' ') AS text,
  u.last_sign_in_at
FROM accounts_user u
"""
# In the order of random keys: a search takes the first hits that it meets, and soon meets those that are spread evenly.
FILL = [
    (
        "INSERT INTO companies_listing (person, company_id, kind, name, text, last_sign_in_at)"
        " SELECT person, company_id, kind, name, text, last_sign_in_at FROM listing_truth ORDER BY person"
    ),
    (
        "INSERT INTO companies_tally (company_id, kind, number)"
        " SELECT company_id, kind, count(*) FROM companies_listing GROUP BY company_id, kind"
    ),
    "INSERT INTO companies_total (kind, number) SELECT kind, sum(number) FROM companies_tally GROUP BY kind",
]
TALLIED = "SELECT company_id, kind, sum(number) FROM companies_tally GROUP BY company_id, kind HAVING sum(number) <> 0"
TOTALLED = "SELECT kind, sum(number) FROM companies_total GROUP BY kind HAVING sum(number) <> 0"
# Both ways: what is not as it should be, and what should not be.
DIFFERENCES = {
    "people": (
        "SELECT person, company_id, kind, name, text, last_sign_in_at FROM listing_truth",
        "SELECT person, company_id, kind, name, text, last_sign_in_at FROM companies_listing",
    ),
    "numbers": ("SELECT company_id, kind, count(*) FROM companies_listing GROUP BY company_id, kind", TALLIED),
    "totals": ("SELECT kind, count(*) FROM companies_listing GROUP BY kind", TOTALLED),
}

# --- SQLite: a row at a time, one writer ---

CHANGED = """
  UPDATE companies_listing
  SET company_id = t.company_id, kind = t.kind, name = t.name, text = t.text, last_sign_in_at = t.last_sign_in_at
  FROM (SELECT * FROM listing_truth WHERE person = $person) t
  WHERE companies_listing.person = $person AND (
    companies_listing.company_id IS NOT t.company_id OR companies_listing.kind <> t.kind
    OR companies_listing.text <> t.text OR companies_listing.last_sign_in_at IS NOT t.last_sign_in_at);
"""
LESS = """
  UPDATE companies_tally SET number = number - 1 WHERE company_id IS OLD.company_id AND kind = OLD.kind;
  UPDATE companies_total SET number = number - 1 WHERE kind = OLD.kind;
"""
MORE = """
  INSERT INTO companies_tally (company_id, kind, number) SELECT NEW.company_id, NEW.kind, 0
  WHERE NOT EXISTS (SELECT 1 FROM companies_tally WHERE company_id IS NEW.company_id AND kind = NEW.kind);
  UPDATE companies_tally SET number = number + 1 WHERE company_id IS NEW.company_id AND kind = NEW.kind;
  INSERT INTO companies_total (kind, number) SELECT NEW.kind, 0
  WHERE NOT EXISTS (SELECT 1 FROM companies_total WHERE kind = NEW.kind);
  UPDATE companies_total SET number = number + 1 WHERE kind = NEW.kind;
"""
FORGET = "  INSERT INTO companies_listing_search (companies_listing_search, rowid, text) VALUES ('delete', OLD.id, OLD.text);"
FIND = "  INSERT INTO companies_listing_search (rowid, text) VALUES (NEW.id, NEW.text);"
REBUILD = "INSERT INTO companies_listing_search (companies_listing_search) VALUES ('rebuild')"
# Of a trigger: its name, when it fires, and what it does.
SQLITE_TRIGGER = Template("CREATE TRIGGER listing_$name AFTER $event BEGIN $body END")


def _changed(*people: str) -> str:
    return "".join(Template(CHANGED).substitute(person=person) for person in people)


def sqlite() -> list[str]:
    """What SQLite is told, after the view and the rows are there."""
    listed = (
        "  INSERT INTO companies_listing (person, company_id, kind, name, text, last_sign_in_at)"
        " SELECT person, company_id, kind, name, text, last_sign_in_at FROM listing_truth WHERE person = NEW.id;"
    )
    triggers = [
        ("person_new", f"INSERT ON {USERS}", listed),
        ("person_gone", f"DELETE ON {USERS}", "  DELETE FROM companies_listing WHERE person = OLD.id;"),
        ("person_changed", f"UPDATE OF {', '.join(OF_USERS)} ON {USERS}", _changed("NEW.id")),
        ("new", f"INSERT ON {LISTING}", MORE + FIND),
        ("gone", f"DELETE ON {LISTING}", LESS + FORGET),
        (
            "moved",
            f"UPDATE ON {LISTING} WHEN OLD.kind <> NEW.kind OR OLD.company_id IS NOT NEW.company_id",
            LESS + MORE,
        ),
        ("renamed", f"UPDATE ON {LISTING} WHEN OLD.text <> NEW.text", FORGET + FIND),
    ]
    for table, watched in WATCHED.items():
        columns = ", ".join(("user_id", *watched))
        triggers += [
            (f"{table}_new", f"INSERT ON {table}", _changed("NEW.user_id")),
            (f"{table}_gone", f"DELETE ON {table}", _changed("OLD.user_id")),
            (f"{table}_changed", f"UPDATE OF {columns} ON {table}", _changed("OLD.user_id", "NEW.user_id")),
        ]
    made = [SQLITE_TRIGGER.substitute(name=name, event=event, body=body) for name, event, body in triggers]
    return [REBUILD, *made]


# --- PostgreSQL: a statement at a time, many writers ---

# Locks come first, in statements of their own: two transactions that change two factors of one person would each put
# back what they read before the other was done. The person is locked before their row of the listing, as whoever changes
# a person does: one that changed a factor and then waits for the person would hold what the other waits for.
REFRESH = """
CREATE FUNCTION listing_refresh(people uuid[]) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
  IF cardinality(people) = 0 THEN RETURN; END IF;
  PERFORM 1 FROM accounts_user WHERE id = ANY(people) ORDER BY id FOR NO KEY UPDATE;
  PERFORM 1 FROM companies_listing WHERE person = ANY(people) ORDER BY id FOR UPDATE;
  UPDATE companies_listing l
  SET company_id = t.company_id, kind = t.kind, name = t.name, text = t.text, last_sign_in_at = t.last_sign_in_at
  FROM listing_truth t
  WHERE l.person = ANY(people) AND t.person = l.person
    AND (l.company_id, l.kind, l.name, l.text, l.last_sign_in_at)
        IS DISTINCT FROM (t.company_id, t.kind, t.name, t.text, t.last_sign_in_at);
END $body$
"""
# Cells of several rows become one. Whoever reads meanwhile sees the sum before or after, which are equal.
FOLD = """
CREATE FUNCTION listing_fold() RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtext('companies_tally')) THEN RETURN; END IF;
  WITH cells AS (SELECT company_id, kind FROM companies_tally GROUP BY company_id, kind HAVING count(*) > 1),
  gone AS (
    DELETE FROM companies_tally t USING cells c
    WHERE t.kind = c.kind AND t.company_id IS NOT DISTINCT FROM c.company_id
    RETURNING t.company_id, t.kind, t.number)
  INSERT INTO companies_tally (company_id, kind, number)
  SELECT company_id, kind, sum(number) FROM gone GROUP BY company_id, kind HAVING sum(number) <> 0;
  WITH gone AS (
    DELETE FROM companies_total WHERE kind IN (SELECT kind FROM companies_total GROUP BY kind HAVING count(*) > 1)
    RETURNING kind, number)
  INSERT INTO companies_total (kind, number)
  SELECT kind, sum(number) FROM gone GROUP BY kind HAVING sum(number) <> 0;
END $body$
"""
FUNCTION = Template("""
CREATE FUNCTION listing_$name() RETURNS trigger LANGUAGE plpgsql AS $$body$$
BEGIN
$does
  RETURN NULL;
END $$body$$
""")
TRIGGER = Template(
    "CREATE TRIGGER listing_$name AFTER $event ON $table REFERENCING $rows FOR EACH STATEMENT"
    " EXECUTE FUNCTION listing_$name()"
)
DIFFER = Template(
    "  PERFORM listing_refresh(ARRAY(SELECT DISTINCT $key FROM ("
    "(SELECT $columns FROM changed EXCEPT SELECT $columns FROM was)"
    " UNION (SELECT $columns FROM was EXCEPT SELECT $columns FROM changed)) d));"
)
# One in five hundred acts folds: a second of work would be too much for one of them, and a day of rows for the readers.
COUNT = Template("""
  INSERT INTO companies_tally (company_id, kind, number)
  SELECT company_id, kind, sum(n) FROM ($rows) c GROUP BY company_id, kind HAVING sum(n) <> 0;
  INSERT INTO companies_total (kind, number) SELECT kind, sum(n) FROM ($rows) c GROUP BY kind HAVING sum(n) <> 0;
  IF random() < 0.002 THEN PERFORM listing_fold(); END IF;
""")
NEW, OLD, BOTH = "NEW TABLE AS changed", "OLD TABLE AS was", "OLD TABLE AS was NEW TABLE AS changed"
PLUS = "SELECT company_id, kind, 1 AS n FROM changed"
MINUS = "SELECT company_id, kind, -1 AS n FROM was"


def postgresql() -> list[str]:
    """What PostgreSQL is told, after the view and the rows are there."""
    listed = (
        "  INSERT INTO companies_listing (person, company_id, kind, name, text, last_sign_in_at)"
        " SELECT t.person, t.company_id, t.kind, t.name, t.text, t.last_sign_in_at"
        " FROM changed c JOIN listing_truth t ON t.person = c.id;"
    )
    unlisted = "  DELETE FROM companies_listing l USING was w WHERE l.person = w.id;"
    differ = DIFFER.substitute(key="id", columns=", ".join(("id", *OF_USERS)))
    triggers = [
        ("person_new", "INSERT", USERS, NEW, listed),
        ("person_gone", "DELETE", USERS, OLD, unlisted),
        ("person_changed", "UPDATE", USERS, BOTH, differ),
        ("new", "INSERT", LISTING, NEW, COUNT.substitute(rows=PLUS)),
        ("gone", "DELETE", LISTING, OLD, COUNT.substitute(rows=MINUS)),
        ("moved", "UPDATE", LISTING, BOTH, COUNT.substitute(rows=f"{PLUS} UNION ALL {MINUS}")),
    ]
    for table, watched in WATCHED.items():
        differ = DIFFER.substitute(key="user_id", columns=", ".join(("id", "user_id", *watched)))
        of = Template("  PERFORM listing_refresh(ARRAY(SELECT DISTINCT user_id FROM $rows));")
        triggers += [
            (f"{table}_new", "INSERT", table, NEW, of.substitute(rows="changed")),
            (f"{table}_gone", "DELETE", table, OLD, of.substitute(rows="was")),
            (f"{table}_changed", "UPDATE", table, BOTH, differ),
        ]
    made = [REFRESH, FOLD]
    for name, event, table, rows, does in triggers:
        made += [
            FUNCTION.substitute(name=name, does=does),
            TRIGGER.substitute(name=name, event=event, table=table, rows=rows),
        ]
    return made
