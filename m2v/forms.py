"""How forms are drawn: a field as `components/field.html`, and the inputs that it is about as one element."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from django.forms.renderers import TemplatesSetting
from django.utils.html import format_html

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

# Django's own templates for these include one another, three for each input, and loop over its attributes: with them,
# the three inputs of a login take as long as the rest of a page.
INPUTS = frozenset(f"django/forms/widgets/{kind}.html" for kind in ("text", "password", "email", "hidden"))


class Renderer(TemplatesSetting):
    field_template_name = "components/field.html"

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        if template_name in INPUTS:
            return input_of(context["widget"])
        return super().render(template_name, context, request)


def input_of(widget: dict[str, Any]) -> SafeString:
    """The element of `widget`. An attribute that is True has no value, and one that is False is left out."""
    value = {} if widget["value"] is None else {"value": widget["value"]}
    attributes = {"type": widget["type"], "name": widget["name"], **value, **widget["attrs"]}
    valued = [(name, value) for name, value in attributes.items() if value is not True and value is not False]
    flags = [name for name, value in attributes.items() if value is True]
    form = "<input" + ' {}="{}"' * len(valued) + " {}" * len(flags) + ">"
    return format_html(form, *chain.from_iterable(valued), *flags)
