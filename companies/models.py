"""Companies: the tenants of the suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self
from uuid import uuid4

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.text import FoldedField, PlainField, plain
from companies.bulk.models import BulkPerson, BulkRun
from companies.importing.models import Import
from companies.listing.models import Listing, Tally, Total
from companies.snapshots.models import Snapshot

if TYPE_CHECKING:
    from accounts.models import User

__all__ = ["BulkPerson", "BulkRun", "Company", "Import", "Listing", "Reminder", "Snapshot", "Tally", "Total"]


class CompanyQuerySet(models.QuerySet["Company"]):
    def managed_by(self, actor: User) -> Self:
        """The companies that `actor` may see."""
        if actor.is_shut_out:
            return self.none()
        if actor.serves_site:
            return self
        return self.filter(pk=actor.company_id) if actor.opens_settings else self.none()

    def search(self, words: str) -> Self:
        """Those in whose name every one of `words` occurs; none, where what is sought has no word in it."""
        found, sought = self, plain(words.replace("\x00", "")).split()
        if words.strip() and not sought:
            return self.none()
        for word in sought[:8]:
            found = found.filter(name_plain__contains=word)
        return found


class CompanyManager(models.Manager["Company"]):
    def get_queryset(self) -> CompanyQuerySet:
        return CompanyQuerySet(self.model)

    def managed_by(self, actor: User) -> CompanyQuerySet:
        return self.get_queryset().managed_by(actor)


class Company(models.Model):
    """A company that looks after machines. Its 2FA switch requires 2FA of all its people, now and later.

    `pass_demanded`: whoever is required to and has set nothing up yet does so with an access pass alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(_("name"), max_length=200)
    name_folded = FoldedField("name")
    name_plain = PlainField("name", db_default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    two_factor_enabled = models.BooleanField(default=False)
    two_factor_changed_at = models.DateTimeField(null=True, editable=False)
    pass_demanded = models.BooleanField(default=False, db_default=False)

    people: int  # counted by companies.queries.count_people
    set_up: int

    objects: ClassVar[CompanyManager] = CompanyManager()

    class Meta:
        verbose_name_plural = "companies"
        constraints = (
            models.UniqueConstraint(
                fields=["name_folded"],
                name="one_company_a_name",
                violation_error_message=_("There is a company of this name already. Choose another."),
            ),
        )

    def __str__(self) -> str:
        return self.name


class Reminder(models.Model):
    """When somebody was last reminded of what is asked of them."""

    person = models.UUIDField(primary_key=True)  # tables of this app know no people
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.person}: {self.at:%Y-%m-%d %H:%M}"
