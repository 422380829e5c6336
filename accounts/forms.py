"""Forms about people as such. Uniqueness is checked as the database checks it, on the folded text."""

from __future__ import annotations

from math import ceil
from typing import Any

from django import forms
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.password_validation import get_default_password_validators
from django.core.validators import EmailValidator, RegexValidator
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.row_forms import RowForm
from accounts.text import AT, check_person_name, check_username, clean_address, composed, fold, fold_address, trim
from accounts.throttle import budgets
from accounts.throttle.budgets import Throttled
from accounts.throttle.rule import HOUR, NEVER, Lane

LONGEST_REASON = 200
# What is neither seen nor typed: a name with a line in it would write lines of its own into mails.
ONE_LINE = RegexValidator(
    "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]",
    _("Enter it in one line, without control characters."),
    inverse_match=True,
)


def too_many(trouble: Throttled) -> str:
    """When to try again: the same for names that exist and names that do not."""
    if trouble.for_good:
        return _now(
            "There were too many wrong attempts. Sign in with a passkey, or from a browser in which you signed in before; "
            "or reset your password, or ask an administrator to unlock you."
        )
    if trouble.seconds < 100:
        return ngettext(
            "Too many attempts. Try again in %d second.",
            "Too many attempts. Try again in %d seconds.",
            trouble.seconds,
        ) % (trouble.seconds,)
    minutes = ceil(trouble.seconds / 60)
    return ngettext(
        "Too many attempts. Try again in %d minute.", "Too many attempts. Try again in %d minutes.", minutes
    ) % (minutes,)


class TrimmedField(forms.CharField):
    """Text in NFC, without spaces and invisible characters around it; if there is nothing else, it is empty."""

    def to_python(self, value: Any) -> str:
        return composed(trim(super().to_python(value) or ""))


class ReasonField(TrimmedField):
    """Why something was done, in one line: it stands in the history, and in mails. The command line asks it too."""

    default_validators = [ONE_LINE]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=LONGEST_REASON, **kwargs)


class PersonNameField(TrimmedField):
    """A first or last name: it stands in mails to others, and holds no address."""

    default_validators = [check_person_name]


IS_ADDRESS = EmailValidator(_("Enter an e-mail address such as kim@acme.example."))


def check_address(address: str) -> None:
    """Raise ValidationError, in words that help, unless mail can go to `address`."""
    odd = next((letter for letter in address.rpartition("@")[0] if not letter.isascii() and letter.isprintable()), "")
    if odd:
        text = _now("“{letter}” cannot stand before the “@” of an e-mail address here.")
        raise forms.ValidationError(text.format(letter=odd), code="invalid")
    IS_ADDRESS(address)


class AddressInput(forms.TextInput):
    """A text input. With `type="email"`, Chromium turns "straße.example" into another domain and refuses "＠"."""

    def __init__(self, attrs: dict[str, str]) -> None:
        super().__init__({"inputmode": "email", "autocapitalize": "none", "spellcheck": "false", **attrs})


class AddressField(forms.EmailField):
    """An e-mail address in the form that we store, however it was typed."""

    default_validators = [check_address]

    def to_python(self, value: Any) -> str:
        typed: str = super().to_python(value) or ""
        return clean_address(typed) if typed else ""


class NameOrAddressField(forms.CharField):
    """What people sign in with: a user name, or an e-mail address in the form that we store."""

    def to_python(self, value: Any) -> str:
        typed: str = super().to_python(value) or ""
        return AddressField().clean(typed) if "@" in typed.translate(AT) else typed


FIELD_CLASSES = {
    "first_name": PersonNameField,
    "last_name": PersonNameField,
    "username": TrimmedField,
    "email": AddressField,
}


class PersonForm(RowForm):
    """What forms about people share."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", "input")
            if isinstance(field, forms.CharField):
                field.validators.append(ONE_LINE)

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        check_username(username)
        if self._others().filter(username_folded=fold(username)).exists():
            raise forms.ValidationError(_("This user name is taken. Choose another one."))
        return username

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email and self._others().filter(email_folded=fold_address(email)).exists():
            raise forms.ValidationError(_("This e-mail address belongs to another account. Enter a different one."))
        return email

    def taken_meanwhile(self) -> None:
        """Say that somebody else took the name or the address between the check and the save."""
        self.add_error(None, _("This user name or e-mail address was taken a moment ago. Choose another one."))

    def last_administrator(self) -> None:
        """Nobody else could administer."""
        self.add_error("role", _("m2v needs an administrator, and this is the last person who can sign in as one."))

    def _others(self) -> Any:
        return User.objects.exclude(pk=self.instance.pk)


class ChoosePasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # the same
    """A new password. Its fields have no `maxlength`, because browsers cut off what is pasted there (ASVS 6.2.9).

    `throttled` says that too many were tried: checking a password against the rules takes time.
    """

    throttled: Throttled | None = None
    new_password1 = forms.CharField(
        label=_("New password"),
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password", "class": "input"}),
    )
    new_password2 = forms.CharField(
        label=_("New password, again"),
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password", "class": "input"}),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        rules: list[Any] = list(get_default_password_validators())
        self.fields["new_password1"].help_text = " ".join(rule.get_help_text(user) for rule in rules)

    def clean(self) -> dict[str, Any]:
        """Show what a rule refuses beside the first of the two fields (WCAG 3.3.1)."""
        self.validate_passwords("new_password1", "new_password2")
        if self.cleaned_data.get("new_password1") and self.may_be_judged():
            self.validate_password_for_user(self.user, "new_password1")
        return self.cleaned_data

    def may_be_judged(self) -> bool:
        """May the new password be checked now? Twenty an hour are, then one waits."""
        lane = Lane(f"choices:{self.user.pk.hex}", free=20, delay=1, ends=NEVER, forgets=HOUR)
        try:
            budgets.claim(lane)
        except Throttled as trouble:
            self.throttled = trouble
            self.add_error("new_password1", too_many(trouble))
            return False
        return True

    def gone_meanwhile(self) -> None:
        """Another password was chosen between the check and the save."""
        self.add_error(None, _("The password was changed meanwhile. Open this page again."))


class ResetForm(forms.Form):
    """Where to send the link that resets a password."""

    email = NameOrAddressField(
        label=_("User name or e-mail"),
        max_length=254,
        widget=forms.TextInput(
            {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false", "class": "input"}
        ),
    )
