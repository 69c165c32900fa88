"""The headers that every answer has, unless it says otherwise itself."""

from __future__ import annotations

from aiohttp import web

from my_app.answers.headers import SECURITY_HEADERS, secure


def test_an_answer_has_them_all_and_keeps_what_it_set_itself() -> None:
    response = web.Response(headers={"X-Frame-Options": "SAMEORIGIN"})
    secure(response)
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert SECURITY_HEADERS.keys() <= response.headers.keys()


def test_a_file_that_a_run_made_runs_no_script_of_its_own() -> None:
    policy = dict(rule.strip().split(" ", 1) for rule in SECURITY_HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert "script-src" not in policy
    assert policy["object-src"] == policy["frame-ancestors"] == "'none'"
