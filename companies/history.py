"""What was done about a person, as their page shows it: all of it, or one kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.activity import Activity, By
from audit.acts import GROUP_LABELS, GROUPS, Group

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as StrPromise

    from accounts.models import User


@dataclass(frozen=True)
class History:
    """What was done about a person, all of it or narrowed to one of its `parts`."""

    whole: Activity

    @classmethod
    def of(cls, person: User, *, viewer: User) -> History:
        """What `viewer` may read about `person`."""
        return cls(Activity(viewer, person=frozenset({person.pk})))

    @cached_property
    def parts(self) -> dict[str, tuple[StrPromise, Activity]]:
        """What there is to choose: a name for each, and its lines. The first is shown where nothing was chosen."""
        of = self.whole.narrowed
        return {
            "all": (_("All"), self.whole),
            "day": (_("Last 24 hours"), of(since=timezone.now() - timedelta(days=1))),
            "logins": (GROUP_LABELS[Group.LOGINS], of(acts=GROUPS[Group.LOGINS])),
            "failures": (GROUP_LABELS[Group.FAILURES], of(acts=GROUPS[Group.FAILURES])),
            "factors": (GROUP_LABELS[Group.FACTORS], of(acts=GROUPS[Group.FACTORS])),
            "others": (_("By an administrator"), of(actor=By.OTHERS)),
        }

    @cached_property
    def counts(self) -> list[tuple[str, StrPromise, int]]:
        """Each part with its name and the number of its lines: one statement."""
        numbers = self.whole.counts({key: part for key, (_name, part) in self.parts.items()})
        return [(key, name, numbers[key]) for key, (name, _part) in self.parts.items()]

    def shown(self, asked: str, most: int) -> dict[str, Any]:
        """The newest lines of the part that is asked for, for a page."""
        chosen = asked if asked in self.parts else "all"
        return {"history": self, "chosen": chosen, "events": self.parts[chosen][1].newest(most)}
