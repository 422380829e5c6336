"""A row for each person with what lists ask for, and how many people of each kind there are, in each company and in all.

No code of ours writes here: the database's own triggers do (companies.listing.upkeep), so that nothing that changes a
person can pass them by.
"""

from __future__ import annotations

from django.db import models

from companies.listing.lookups import Holds


class SearchedField(models.TextField):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A text that is searched by parts of its words."""


SearchedField.register_lookup(Holds)


class Listing(models.Model):
    """A person as lists see them. `text` is what a search looks through; `name` its beginning, by which lists are ordered.

    Both begin with a space, like every word in them. No index takes a text that is as long as names can be.
    """

    id = models.BigAutoField(primary_key=True)
    person = models.UUIDField(unique=True)
    company = models.ForeignKey(
        "companies.Company", models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    kind = models.IntegerField()
    name = models.TextField()
    text = SearchedField()
    last_sign_in_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=["name", "id", "company", "kind"], name="listed_by_name"),
            models.Index(fields=["company", "name", "id", "kind"], name="listed_by_company"),
            models.Index(fields=["kind", "company"], name="listed_by_kind"),
            models.Index(fields=["last_sign_in_at", "id", "company", "kind"], name="listed_by_sign_in"),
        )

    def __str__(self) -> str:
        return self.name.strip()


class Tally(models.Model):
    """How many people of a kind a company has: the sum of `number` over all rows with this kind and company.

    PostgreSQL adds rows and folds them now and then, so that no two acts wait for each other.
    """

    id = models.BigAutoField(primary_key=True)
    company = models.ForeignKey(
        "companies.Company", models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    kind = models.IntegerField()
    number = models.IntegerField()

    class Meta:
        indexes = (
            models.Index(fields=["kind", "company", "number"], name="tally_by_kind"),
            models.Index(fields=["company", "kind", "number"], name="tally_by_company"),
        )

    def __str__(self) -> str:
        return f"{self.company_id} {self.kind}: {self.number}"


class Total(models.Model):
    """How many people of a kind there are in all companies together and in none, summed up like the tally.

    Its rows are not the tally's, of a company without a name: whatever adds that up would count everybody twice.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.IntegerField()
    number = models.IntegerField()

    class Meta:
        indexes = (models.Index(fields=["kind", "number"], name="total_by_kind"),)

    def __str__(self) -> str:
        return f"{self.kind}: {self.number}"
