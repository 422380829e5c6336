"""Forms of Administration. A field that the actor may not decide is not in the form, whatever the browser sends."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.dates import moment
from accounts.forms import FIELD_CLASSES, ONE_LINE, AddressInput, PersonForm, ReasonField, TrimmedField, too_many
from accounts.models import Role, User
from accounts.roles import WITHOUT_COMPANY, up_to
from accounts.row_forms import RowForm
from accounts.text import USERNAME_RULE, fold
from accounts.throttle import budgets, lanes
from accounts.throttle.budgets import Throttled
from companies.access_passes import IdentityCheck, Validity
from companies.letting_in import APP, APP_BEFORE, CODES, CODES_BEFORE, Fate
from companies.models import Company
from mfa.forms import SignOutForm
from mfa.window.consequences import IS_OLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import QuerySet

    from companies.letting_in import HeldFactor
    from companies.lost_factors import LostFactor


class SeenForm(forms.Form):
    """A form about what somebody holds. `now` is the word for it (companies.seen), which its page sends back as "seen"."""

    def __init__(self, *args: Any, now: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now

    def clean(self) -> dict[str, Any]:
        """Nothing is done on a page that shows what is no more."""
        if self.data.get("seen", self.now) != self.now:
            self.add_error(None, IS_OLDER)
        return self.cleaned_data


class CompanyInput(forms.TextInput):
    """A company's name, with suggestions while one types: thousands of companies are no list to choose from."""

    template_name = "components/company-field.html"


class CompanyField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A company by its name, as people type it, or by its id."""

    widget = CompanyInput
    default_error_messages = {"invalid_choice": _("There is no company with this name. Choose one of those suggested.")}

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        assert self.queryset is not None
        try:
            found = self.queryset.filter(pk=UUID(str(value)))
        except ValueError:
            found = self.queryset.filter(name_folded=fold(str(value).replace("\x00", "")))
        try:
            return found.get()
        except Company.DoesNotExist:
            raise forms.ValidationError(self.error_messages["invalid_choice"], code="invalid_choice") from None

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, UUID):
            assert self.queryset is not None
            value = self.queryset.filter(pk=value).first() or value
        return value.name if isinstance(value, Company) else value


class UserForm(PersonForm):
    """A person, as an administrator sees them: no password and no factor, which are the person's own."""

    throttled: Throttled | None = None

    class Meta:
        model = User
        fields = ("first_name", "last_name", "username", "email", "company", "role")
        field_classes = FIELD_CLASSES
        help_texts = {
            "username": format_lazy("{} {}", USERNAME_RULE, _("People sign in with it, or with their e-mail address.")),
            "email": _("The invitation goes to this address. Without one you get a link to hand over yourself."),
        }
        widgets = {
            "username": forms.TextInput({"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}),
            "first_name": forms.TextInput({"autocomplete": "off"}),
            "last_name": forms.TextInput({"autocomplete": "off"}),
            "email": AddressInput({"autocomplete": "off"}),
        }

    def __init__(self, *args: Any, actor: User, companies: QuerySet[Company], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor
        if not self.is_new and self.instance.has_usable_password():  # nobody is invited any more
            self.fields["email"].help_text = _("We write to this address when something about their sign-in changes.")
        own = self.instance.pk == actor.pk
        if actor.role == Role.ADMINISTRATOR and not own:
            self.fields["company"] = CompanyField(
                companies,
                required=False,
                label=_("Company"),
                help_text=_("Helpdesk and auditors without a company are there for all companies."),
            )
        else:
            del self.fields["company"]
        if own:
            del self.fields["role"]  # nobody raises, moves or shuts out themselves
        else:
            self.fields["role"] = forms.ChoiceField(
                choices=[(role.value, role.label) for role in up_to(actor.role)],
                label=_("Role"),
                help_text=_("The helpdesk helps people in. Auditors look, and change nothing."),
                initial=Role.MEMBER,
                widget=forms.Select({"class": "input"}),
            )
        self.take_over()

    def clean_username(self) -> str:
        self._ask_once_more("username")
        return super().clean_username()

    def clean_email(self) -> str:
        self._ask_once_more("email")
        return super().clean_email()

    def _ask_once_more(self, name: str) -> None:
        """A check whether a name or an address is taken tells a company's administrator who has an account elsewhere.

        Each of them is told thirty times an hour, all of a company's together sixty, then once in 15 minutes.
        """
        if self.actor.role == Role.ADMINISTRATOR or name not in self.changed_data:  # who sees everybody anyway
            return
        try:
            budgets.claim(*lanes.actor_lanes("probes", self.actor))
        except Throttled as trouble:
            self.throttled = trouble
            raise forms.ValidationError(too_many(trouble)) from trouble

    def may_mail(self) -> bool:
        """Does the actor's budget cover the mails about another name or address? If not, the form says so."""
        try:
            if {"email", "username"} & set(self.changed_data):
                budgets.claim(*lanes.actor_lanes("mails", self.actor))
        except Throttled as trouble:
            self.throttled = trouble
            self.add_error(None, too_many(trouble))
        return self.throttled is None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if self.actor.role != Role.ADMINISTRATOR and self.is_new:
            self.instance.company = self.actor.company
        role = cleaned.get("role", self.instance.role)
        if "company" in self.fields and not (role in WITHOUT_COMPANY or cleaned.get("company")):
            self.add_error("company", _("Members and company administrators belong to a company. Choose one."))
        return cleaned


class CompanyForm(RowForm):
    """A company's name."""

    class Meta:
        model = Company
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
        if Company.objects.filter(name_folded=fold(name)).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("There is a company of this name already. Choose another."))
        return name


class CompanyOffForm(SignOutForm):
    """The choices beside switching a company's 2FA off."""

    keep = forms.BooleanField(required=False)


PUT_BACK = [(Fate.KEEP, _("Put back")), (Fate.REMOVE, _("Leave removed"))]


class LetInForm(SeenForm):
    """What to do with each factor of a locked person, and how the administrator made sure who they are."""

    throttled: Throttled | None = None

    checked = forms.ChoiceField(
        label=_("How was their identity checked?"), choices=IdentityCheck.choices, widget=forms.RadioSelect
    )
    reason = ReasonField(
        label=_("Reason"),
        widget=forms.TextInput({"class": "input", "autocomplete": "off"}),
        help_text=_("Required, like the check. Both stay in the history."),
    )

    def __init__(self, *args: Any, factors: Iterable[HeldFactor], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.factors = list(factors)
        for factor in self.factors:
            self.fields[factor.key] = forms.ChoiceField(
                choices=PUT_BACK if factor.removed_at else Fate.choices,
                initial=Fate.KEEP if factor.kept else Fate.REMOVE,
                widget=forms.RadioSelect,
            )

    def clean(self) -> dict[str, Any]:
        """Recovery codes stand in for the app, and are worth nothing without it; of each there is one at most."""
        data = super().clean()
        if data.get(APP) == data.get(APP_BEFORE) == Fate.KEEP:
            self.add_error(
                APP_BEFORE, _("One authenticator app can stay. Remove the other one, or leave this removed.")
            )
        if data.get(CODES_BEFORE) == Fate.KEEP and (data.get(APP) != Fate.KEEP or data.get(CODES) == Fate.KEEP):
            self.add_error(CODES_BEFORE, _("They need the authenticator app, and take the place of the other codes."))
        if data.get(CODES) == Fate.KEEP and data.get(APP) == Fate.REMOVE:
            self.add_error(
                CODES, _("Recovery codes work beside the authenticator app only. Remove them too, or keep both.")
            )
        return data

    @property
    def rows(self) -> Iterator[tuple[HeldFactor, forms.BoundField]]:
        """Each factor with its choice."""
        return ((factor, self[factor.key]) for factor in self.factors)

    @property
    def kept(self) -> frozenset[str]:
        """The keys of the factors to keep."""
        return frozenset(factor.key for factor in self.factors if self.cleaned_data[factor.key] == Fate.KEEP)


class LostPhoneForm(SeenForm):
    """What was on a lost phone, how the administrator made sure who asks, and what happens then.

    `first`: nothing was, and a pass for the first set-up is all that is asked for, so that sessions go on.
    """

    throttled: Throttled | None = None

    checked = forms.ChoiceField(
        choices=IdentityCheck.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Say how you made sure who asks.")},
    )
    reason = ReasonField(
        label=_("Reason"),
        widget=forms.TextInput({"class": "input", "autocomplete": "off"}),
        error_messages={"required": _("Say what happened, in a few words.")},
    )
    sign_out = forms.BooleanField(required=False, initial=True)
    give_pass = forms.BooleanField(required=False, initial=True)
    valid = forms.TypedChoiceField(
        label=_("Valid for"),
        required=False,  # it is on no page where no pass is given
        coerce=lambda minutes: Validity(int(minutes)),
        initial=Validity.AN_HOUR,
        widget=forms.Select({"class": "input"}),
        choices=(),
    )

    def __init__(self, *args: Any, factors: Iterable[LostFactor], first: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.first = first
        self.fields["sign_out"].initial = not first
        self.factors = list(factors)
        for factor in self.factors:
            self.fields[factor.key] = forms.BooleanField(required=False, initial=factor.ticked)
        now = timezone.now()
        valid = self.fields["valid"]
        assert isinstance(valid, forms.ChoiceField)
        valid.choices = [
            (
                each.value,
                _("{long}, until {end}").format(long=each.label, end=moment(now + timedelta(minutes=each.value))),
            )
            for each in Validity
        ]
        for field in self.fields.values():
            field.widget.attrs["form"] = "lost-phone"  # it stands in the dialog's foot

    def clean_valid(self) -> Validity:
        return self.cleaned_data["valid"] or Validity.AN_HOUR

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if not (self.lost or data.get("sign_out") or data.get("give_pass")):
            self.add_error(None, _("Nothing is ticked: choose what was lost, or give an access pass."))
        return data

    @property
    def rows(self) -> Iterator[tuple[LostFactor, forms.BoundField]]:
        """Each factor with its box."""
        return ((factor, self[factor.key]) for factor in self.factors)

    @property
    def lost(self) -> frozenset[str]:
        """The keys of the factors that go."""
        return frozenset(factor.key for factor in self.factors if self.cleaned_data.get(factor.key))
