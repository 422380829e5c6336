"""How forms are drawn: every field as `templates/components/field.html`, the inputs in it without templates."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from django.forms.renderers import TemplatesSetting
from django.utils.safestring import SafeString

if TYPE_CHECKING:
    from django.http import HttpRequest

ONE_LINE = frozenset(f"django/forms/widgets/{kind}.html" for kind in ("text", "password", "email", "hidden"))


class Renderer(TemplatesSetting):
    field_template_name = "components/field.html"

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        """An `<input>` is put together here: three templates for each were a third of the login page's time."""
        if template_name not in ONE_LINE:
            return super().render(template_name, context, request)
        widget = context["widget"]
        return tag(
            "input", {"type": widget["type"], "name": widget["name"], "value": widget["value"], **widget["attrs"]}
        )


def tag(name: str, attributes: dict[str, Any]) -> SafeString:
    """A start tag: True is an attribute without a value, False and None are none. Every value is escaped."""
    written = [
        f" {key}" if value is True else f' {key}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    ]
    return SafeString(f"<{name}{''.join(written)}>")
