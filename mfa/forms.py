"""The forms of sign-in and of the MFA window; the only place where an exception becomes a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import ONE_LINE, TrimmedField
from accounts.row_forms import RowForm
from mfa.methods import TYPED, typed_as
from mfa.methods.typed import as_meant
from mfa.models import Passkey
from mfa.policy import Method

if TYPE_CHECKING:
    from collections.abc import Collection

    from mfa.methods.errors import NotProved


class LoginForm(forms.Form):
    """User name (or e-mail address) and password."""

    username = TrimmedField(
        label=_("User name"),
        max_length=254,
        widget=forms.TextInput(
            {
                "autocomplete": "username webauthn",
                "autocapitalize": "none",
                "spellcheck": "false",
                "class": "input",
                "autofocus": True,
            }
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput({"autocomplete": "current-password", "class": "input"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound:  # what was typed stays; the password is typed anew
            del self.fields["username"].widget.attrs["autofocus"]
            self.fields["password"].widget.attrs["autofocus"] = True


class PasswordForm(forms.Form):
    """The password alone, of somebody who is known already."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput({"autocomplete": "current-password", "class": "input", "autofocus": True}),
    )


LONGEST_PASTE = 200  # a code, and whatever a word processor put between its characters


class CodeInput(forms.TextInput):
    """Empty again after a code that did not count: the next one differs."""

    def format_value(self, value: object) -> None:
        return None


class CodeForm(forms.Form):
    """One field for the app's six digits; a recovery code in it counts too. What can be neither is no guess."""

    code = forms.CharField(
        label=_("Code"),
        max_length=LONGEST_PASTE,
        error_messages={"required": _("Enter the code.")},
        widget=CodeInput(
            {
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "spellcheck": "false",
                "class": "input code",
                "data-code": "",
                "autofocus": True,
            }
        ),
    )

    methods: Collection[str] = TYPED.keys()
    method: str  # of what was typed
    no_code = _("A code has six digits, and a recovery code sixteen letters and digits. Check what you typed.")

    def clean_code(self) -> str:
        """The code alone: six digits of an app, or a recovery code."""
        code = as_meant(self.cleaned_data["code"])
        self.method = typed_as(code)
        if self.method not in self.methods:
            raise forms.ValidationError(self.no_code if code else self.fields["code"].error_messages["required"])
        return code

    def explain(self, trouble: NotProved) -> None:
        """Say why the code did not count, and what helps."""
        self.add_error("code", str(TYPED[self.method].why_not(trouble)))


class SetUpForm(CodeForm):
    """The code that confirms a new app."""

    no_code = _("The code has six digits. Enter those that your app shows now.")

    methods = (Method.TOTP,)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].help_text = _("The six digits that the app shows now.")
        if not self.is_bound:
            del self.fields["code"].widget.attrs["autofocus"]  # the QR code above comes first


class RecoveryCodeForm(CodeForm):
    """The same field, asking for a recovery code."""

    no_code = _("A recovery code has sixteen letters and digits. Check what you typed.")

    code = forms.CharField(
        label=_("Recovery code"),
        max_length=LONGEST_PASTE,
        error_messages={"required": _("Enter one of your recovery codes.")},
        help_text=_("Sixteen letters and digits. Each code works once."),
        widget=forms.TextInput(
            {
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "class": "input code long",
                "autofocus": True,
            }
        ),
    )


class AccessPassForm(CodeForm):
    """The same field, asking for an access pass."""

    no_code = _("An access pass has fifteen letters and digits. Check what you typed.")

    code = forms.CharField(
        label=_("Access pass"),
        max_length=LONGEST_PASTE,
        error_messages={"required": _("Enter the access pass that you were given.")},
        help_text=_("Capitals and hyphens do not matter. It works once."),
        widget=forms.TextInput(
            {
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "class": "input code long",
                "autofocus": True,
            }
        ),
    )


class CodesSavedForm(forms.Form):
    """Nobody goes on before their recovery codes are in a safe place."""

    saved = forms.BooleanField(
        label=_("I have saved my recovery codes"),
        error_messages={"required": _("Save the codes first, then tick this box.")},
    )


class SignOutForm(forms.Form):
    """The tick box beside every change of a rule."""

    sign_out = forms.BooleanField(label=_("Sign out now"), required=False)


class PasskeyNameForm(RowForm):
    """A passkey's name, which its owner chooses."""

    class Meta:
        model = Passkey
        fields = ("name",)
        field_classes = {"name": TrimmedField}
        labels = {"name": _("Name")}
        widgets = {"name": forms.TextInput({"class": "input", "autocomplete": "off"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.take_over()

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        ONE_LINE(name)
        if Passkey.everything.filter(user=self.instance.user, name=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("Another passkey of yours has this name already. Choose a different one."))
        return name
