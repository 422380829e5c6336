"""The Administration, read and clicked as people do: `read` a page, `press` its buttons, no JavaScript."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from django.db.models.signals import pre_save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import Model
    from django.http import HttpResponse
    from django.test import Client

USERS = "/settings/administration/users/"
COMPANIES = "/settings/administration/companies/"
HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_HX_REQUEST_TYPE": "partial"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass(eq=False)
class Element:
    """An element of a page."""

    name: str
    attrs: dict[str, str] = field(default_factory=dict)
    parent: Element | None = None
    children: list[Element | str] = field(default_factory=list)

    @property
    def shown(self) -> bool:
        """Is it not a dialog that waits to be opened?"""
        return self.name != "dialog" or "open" in self.attrs

    def walk(self) -> Iterator[Element]:
        """What is below it and shown."""
        for child in self.children:
            if isinstance(child, Element) and child.shown:
                yield child
                yield from child.walk()

    def all(self, tag: str, /, **attrs: str) -> list[Element]:
        """Every `tag` below with these attributes."""
        return [
            found
            for found in self.walk()
            if found.name == tag and all(found.attrs.get(key) == value for key, value in attrs.items())
        ]

    def one(self, tag: str, /, **attrs: str) -> Element:
        """The only one."""
        [found] = self.all(tag, **attrs)
        return found

    @property
    def words(self) -> str:
        """What it says, in single spaces."""
        parts = [child if isinstance(child, str) else child.words if child.shown else "" for child in self.children]
        return " ".join(" ".join(parts).split())

    @property
    def label(self) -> str:
        """Its accessible name."""
        if labelled_by := self.attrs.get("aria-labelledby"):
            return next(found for found in self.root.walk() if found.attrs.get("id") == labelled_by).words
        return self.attrs.get("aria-label") or self.words

    @property
    def root(self) -> Element:
        return self.parent.root if self.parent else self

    @property
    def links(self) -> dict[str, str]:
        """Where its links lead, by name."""
        return {link.label: link.attrs["href"] for link in self.all("a")}

    @property
    def rows(self) -> list[list[str]]:
        """What its table says, cell by cell, without the head."""
        return [[cell.words for cell in row.all("td")] for body in self.all("tbody") for row in body.all("tr")]

    @property
    def dialog(self) -> Element:
        """The window."""
        return self.one("dialog")

    @property
    def notes(self) -> list[str]:
        """What just happened, what is wrong."""
        return [found.words for found in self.walk() if found.attrs.get("role") in {"status", "alert"} and found.words]

    def button(self, name: str) -> Element:
        [found] = [button for button in self.all("button") if button.label == name]
        return found


class Reader(HTMLParser):
    """Builds the elements."""

    def __init__(self) -> None:
        super().__init__()
        self.page = self.here = Element("page")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(made)
        if tag not in VOID:
            self.here = made

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.here.name == tag, f"</{tag}> closes <{self.here.name}>"
        assert self.here.parent
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        if self.here.name not in {"script", "style"}:
            self.here.children.append(data)


def read(response: HttpResponse, status: int = 200) -> Element:
    """The page that was answered."""
    assert response.status_code == status, f"{response.status_code}: {response.content.decode()[:2000]}"
    reader = Reader()
    reader.feed(response.content.decode())
    reader.close()
    assert reader.here is reader.page, f"<{reader.here.name}> is never closed"
    return reader.page


def press(client: Client, response: HttpResponse, name: str, /, **fields: str) -> HttpResponse:
    """Fill `fields` in and press the button; the page that it leads to."""
    page = read(response, response.status_code)
    button = page.button(name)
    assert "disabled" not in button.attrs, f"{name} is disabled"
    form: Element | None = button
    if form_id := button.attrs.get("form"):
        form = page.one("form", id=form_id)
    while form and form.name != "form":
        form = form.parent
    assert form, f"{name} is in no form"
    known = _fields(form)
    assert fields.keys() <= known.keys(), f"The form has no {fields.keys() - known.keys()}"
    values = sent_as_it_is(form)
    if "name" in button.attrs:
        values[button.attrs["name"]] = button.attrs.get("value", "")
    here = response.request["PATH_INFO"]
    if query := response.request["QUERY_STRING"]:
        here = f"{here}?{query}"
    action = form.attrs.get("action") or here
    if form.attrs.get("method") == "post":
        return client.post(action, values | fields, follow=True)
    return client.get(action.partition("?")[0], values | fields, follow=True)  # a form's values replace the query


def sent_as_it_is(form: Element) -> dict[str, str]:
    """What a form sends, less its button, if nothing is filled in."""
    return {key: value for key, found in _fields(form).items() if (value := _value(found)) is not None}


def _fields(form: Element) -> dict[str, Element]:
    elsewhere = (found for found in form.root.walk() if found.attrs.get("form") == form.attrs.get("id", "-"))
    inputs = [*form.walk(), *elsewhere]
    return {found.attrs["name"]: found for found in inputs if found.name != "button" and "name" in found.attrs}


def _value(found: Element) -> str | None:
    """What a field sends if it is left as it is."""
    if found.name == "select":
        options = found.all("option")
        chosen = next((option for option in options if "selected" in option.attrs), options[0])
        return chosen.attrs["value"]
    if found.attrs.get("type") in {"checkbox", "radio"} and "checked" not in found.attrs:
        return None
    return found.attrs.get("value", "on" if found.attrs.get("type") == "checkbox" else "")


def polled(shown: Element, answer: Element) -> Element:
    """The page `shown` after htmx put in what its one poll takes out of `answer`."""
    [poll] = [found for found in shown.walk() if found.attrs.get("hx-trigger", "").startswith("every ")]
    assert poll.attrs["hx-swap"] == "outerHTML"
    _put(poll, _with_id(answer, poll.attrs["hx-select"]))
    for taken in poll.attrs["hx-select-oob"].split(","):
        selector, _, within = taken.partition(":")
        old, new = _with_id(shown, selector), _with_id(answer, selector)
        if within == "innerHTML":
            old.children = new.children
        else:
            _put(old, new)
    return shown


def _with_id(page: Element, selector: str) -> Element:
    [found] = [found for found in page.walk() if "#" + found.attrs.get("id", "") == selector]
    return found


def _put(old: Element, new: Element) -> None:
    assert old.parent
    old.parent.children = [new if child is old else child for child in old.parent.children]


@contextmanager
def just_before_saving(model: type[Model], act: Callable[[], object]) -> Iterator[None]:
    """Somebody else is quicker: `act` happens once, between the check of a form and its save."""
    acts = [act]

    def receiver(**_kwargs: object) -> None:
        if acts:
            acts.pop()()

    pre_save.connect(receiver, sender=model)
    try:
        yield
    finally:
        pre_save.disconnect(receiver, sender=model)
    assert not acts, "Nothing was saved"
