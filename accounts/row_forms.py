"""Forms over a row that others may be changing too: what the reader saw comes back with what they typed.

Only what the reader changed is written. What somebody else changed since the
page was opened stays, and is said, field by field; where both changed one
field, nothing is written until the reader has seen the other's value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from accounts.text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEN = "seen-"  # before a field's name: what the row held when the page was made


class RowForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A form whose page carries along what its reader saw (components/seen.html)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_new = kwargs.get("instance") is None

    def seen(self) -> Iterator[tuple[str, str]]:
        """What the row holds in each field, for the page to send back; nothing of a row that is being made."""
        if not self.is_new:
            yield from ((f"{SEEN}{name}", self._kept(name)) for name in self.fields)

    def take_over(self) -> None:
        """Take over what others have changed in the meantime. Call it when the fields are complete."""
        self._untouched: set[str] = set()
        self._clashes: list[str] = []
        self._moved: list[str] = []
        if not self.is_bound or self.is_new:
            return
        sent = dict(self.data.items())
        for name in self.fields:
            key, now = self.add_prefix(name), self._kept(name)
            typed, seen = sent.get(key, ""), sent.get(f"{SEEN}{name}", now)
            moved = not self._alike(name, seen, now)
            if self._alike(name, typed, seen) or self._alike(name, typed, now):
                self._untouched.add(name)
                sent[key] = now
                if moved and not self._alike(name, typed, now):
                    self._moved.append(name)
            elif moved:
                self._clashes.append(name)
        self.data = sent

    @cached_property
    def changed_data(self) -> list[str]:
        """The fields that the reader changed and that do not already hold what they typed."""
        return [name for name in super().changed_data if name not in self._untouched]

    def decided_on(self) -> dict[str, Any]:
        """What the row held in the fields to be written, so that the service can compare it again under the lock."""
        return {name: self.initial[name] for name in self.changed_data}

    def moved(self) -> list[str]:
        """Sentences about what others changed and the reader did not."""
        return [
            _("Changed meanwhile: {field} is now {value}.").format(
                field=self.fields[name].label, value=self._in_words(name)
            )
            for name in self._moved
        ]

    def clean(self) -> dict[str, Any]:
        for name in self._clashes:
            text = _("This was changed meanwhile, to {value}. Save again to replace it with what you entered.")
            self.add_error(name, text.format(value=self._in_words(name)))
        return super().clean() or self.cleaned_data

    def _kept(self, name: str) -> str:
        """What the row holds, as the field sends it."""
        value = self.fields[name].prepare_value(self.get_initial_for_field(self.fields[name], name))
        return "" if value is None else str(value)

    def _alike(self, name: str, one: str, other: str) -> bool:
        """Are these the same to the field, in whatever form they were typed?"""
        if one == other:
            return True
        field = self.fields[name]
        try:
            return bool(field.to_python(one) == field.to_python(other))
        except ValidationError:
            return False

    def _in_words(self, name: str) -> str:
        now = self._kept(name)
        choices = {str(key): str(label) for key, label in getattr(self.fields[name], "choices", ())}
        shown = choices.get(now, now)
        return quoted(shown) if shown else _("empty")
