"""The forms of one's own settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import login
from accounts.forms import FIELD_CLASSES, AddressInput, ChoosePasswordForm, PersonForm, too_many
from accounts.models import User
from accounts.text import fold_address
from accounts.throttle import budgets
from accounts.throttle.budgets import Throttled
from accounts.throttle.rule import HOUR, NEVER, Lane

if TYPE_CHECKING:
    from collections.abc import Iterable


class LanguageSelect(forms.Select):
    """Each language is named in itself, and read out so (WCAG 3.1.2)."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if value:
            option["attrs"]["lang"] = value
        return option


class ProfileForm(PersonForm):
    """One's own profile: not the user name, the company or the role, which administrators decide.

    `throttled` says that they asked too often whether an address is taken, which tells who has an account.
    """

    throttled: Throttled | None = None

    class Meta:
        model = User
        fields = ("first_name", "last_name", "email", "language")
        field_classes = FIELD_CLASSES
        labels = {"email": _("E-mail")}
        help_texts = {"email": _("We write to this address when something about your sign-in changes.")}
        widgets = {
            "first_name": forms.TextInput({"autocomplete": "given-name"}),
            "last_name": forms.TextInput({"autocomplete": "family-name"}),
            "email": AddressInput({"autocomplete": "email"}),
        }

    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        widget=LanguageSelect({"autocomplete": "language"}),
        help_text=_("Our mails to you are in it too."),
    )

    def __init__(self, *args: Any, languages: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["language"]
        assert isinstance(choice, forms.ChoiceField)  # declared above
        choice.choices = [("", _("As the browser says")), *languages]
        self.take_over()

    def clean_email(self) -> str:
        """Another address than one's own may be checked ten times an hour, then once in 15 minutes."""
        email: str = self.cleaned_data["email"]
        if email and fold_address(email) != fold_address(self.instance.email):
            try:
                budgets.claim(Lane(f"addresses:{self.instance.pk.hex}", free=10, delay=900, ends=NEVER, forgets=HOUR))
            except Throttled as trouble:
                self.throttled = trouble
                raise forms.ValidationError(too_many(trouble)) from trouble
        return super().clean_email()


class ChangePasswordForm(ChoosePasswordForm):
    """The current password, and a new one (ASVS 6.2.3). `throttled` says also that there were too many guesses at it."""

    field_order = ("old_password", "new_password1", "new_password2")
    old_password = forms.CharField(
        label=_("Current password"),
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password", "class": "input"}),
    )

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        try:
            if login.password_holds(self.user, password):
                return password
        except Throttled as trouble:
            self.throttled = trouble
            raise forms.ValidationError(too_many(trouble)) from trouble
        raise forms.ValidationError(_("This is not your current password."))

    def may_be_judged(self) -> bool:
        """A new password is checked only for somebody who knows the current one."""
        return "old_password" in self.cleaned_data and super().may_be_judged()
