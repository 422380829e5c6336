"""How forms are drawn: a field as `components/field.html`, and the input in it as `components/input.html`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.forms.renderers import TemplatesSetting

if TYPE_CHECKING:
    from django.template.base import Template

# Django's own templates for these include one another, three for each input: a login calls 1,400 functions more with
# them, 7 in a hundred, and 700 more with this one than with inputs that are put together by hand.
INPUTS = frozenset(f"django/forms/widgets/{kind}.html" for kind in ("text", "password", "email", "hidden"))


class Renderer(TemplatesSetting):
    field_template_name = "components/field.html"

    def get_template(self, template_name: str) -> Template | None:
        return super().get_template("components/input.html" if template_name in INPUTS else template_name)
