"""How inputs are drawn: as Django's own templates would."""

from __future__ import annotations

import re

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates

from m2v.forms import Renderer

HOSTILE = "\"><script>alert('x')</script>&"


class Everything(forms.Form):
    text = forms.CharField(
        max_length=40, widget=forms.TextInput({"class": "input", "data-code": "", "autofocus": True})
    )
    address = forms.EmailField(required=False)
    password = forms.CharField(widget=forms.PasswordInput({"autocomplete": "off", "hidden": False}))
    kept = forms.CharField(widget=forms.HiddenInput)


def attributes(html: str) -> tuple[str, list[str]]:
    """The element's name, and its attributes in order of the alphabet."""
    name, rest = re.fullmatch(r"<(\w+)((?: [\w-]+(?:=\"[^\"]*\")?)*)>", html).groups()
    return name, sorted(re.findall(r' [\w-]+(?:="[^"]*")?', rest))


@pytest.mark.parametrize("data", [None, {}, {"text": HOSTILE, "address": HOSTILE, "password": "x", "kept": HOSTILE}])
@pytest.mark.parametrize("name", ["text", "address", "password", "kept"])
def test_an_input_is_what_djangos_templates_make_of_it(name, data):
    ours, theirs = Everything(data, renderer=Renderer()), Everything(data, renderer=DjangoTemplates())

    assert attributes(str(ours[name])) == attributes(str(theirs[name]))


def test_a_value_cannot_end_its_attribute():
    drawn = str(Everything({"text": HOSTILE}, renderer=Renderer())["text"])

    assert "<script" not in drawn
    assert 'value="&quot;&gt;&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;"' in drawn
