"""The number of a request, as a server gives it: also where Django never sees the request."""

from __future__ import annotations

import re

OURS = re.compile(r"[0-9a-f]{4}(-[0-9a-f]{4}){3}")
HEADER = "X-Request-ID"


def test_answers_and_refusals_have_a_number_and_the_audits_line_has_that_of_its_answer(site):
    headers, fields = site.form()
    body = "&".join(f"{name}={value}" for name, value in (fields | {"username": "kim1", "password": "wrong"}).items())
    status, answer, _body = site.ask("POST", "/login/", body=body, headers=headers)
    too_large, refusal, _body = site.ask("POST", "/login/", headers={"Content-Length": "999999", HEADER: "a-strangers"})

    assert (status, too_large) == (400, 413)
    assert OURS.fullmatch(answer[HEADER])
    assert OURS.fullmatch(refusal[HEADER])
    [line] = [line for line in site.lines() if line.get("action") == "refused"]
    assert line["request"] == answer[HEADER]
