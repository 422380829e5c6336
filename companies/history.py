"""What was done about a person, as their page shows it: all of it, or one kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.activity import Activity, By, Place
from audit.acts import GROUP_LABELS, GROUPS, Group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import _StrPromise as StrPromise

    from accounts.models import User

# In the query of a page: the part of the history that is shown, and the place after or before which it goes on.
KIND, AFTER, BEFORE = "history", "history_after", "history_before"


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

    def shown(self, asked: Mapping[str, str], most: int) -> dict[str, Any]:
        """At most `most` lines of the part and place that a page is `asked` for; the newest, where nothing is there."""
        chosen = asked[KIND] if asked.get(KIND) in self.parts else "all"
        part = self.parts[chosen][1]
        after, before = (Place.read(asked.get(name, "")) for name in (AFTER, BEFORE))
        lines = part.page(after=after, before=before, size=most)
        if (after or before) and not lines.lines:
            lines = part.page(size=most)
        return {"history": self, "chosen": chosen, "shown": lines}
