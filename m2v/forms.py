"""How forms are drawn: every field as `templates/components/field.html`."""

from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    field_template_name = "components/field.html"
