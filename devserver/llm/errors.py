"""The errors of language models.

LlmError
├── Unreachable     nobody answers at the address
├── TooSlow         no whole answer within the time
├── HttpProblem     an HTTP status other than 200
├── WebPage         a page for people in place of an answer: the address is wrong
├── NotTheRoute     an answer that this route does not give
├── EmptyAnswer     an answer without text
├── Declined        the model refuses
├── CutOff          the answer stops in the middle
├── NotJson         text without JSON
└── WrongShape      JSON in another shape
"""

from __future__ import annotations

from typing import ClassVar

from devserver.errors.sentences import Quoted, Said, say

QUOTED_CHARACTERS = 200


class LlmError(Exception):
    """An endpoint gave no answer that can be used."""

    code: ClassVar = "llm_error"

    def __init__(self, endpoint: str, said: Said | str, *, again: bool = True) -> None:
        self.said = said if isinstance(said, Said) else Said(said)
        super().__init__(self.said.message)
        self.endpoint = endpoint
        self.message = self.said.message
        self.again = again  # whether a retry can help

    def as_dict(self) -> dict[str, str]:
        return {"endpoint": self.endpoint, "code": self.code, "message": self.message}


class Unreachable(LlmError):
    code = "unreachable"


class TooSlow(LlmError):
    code = "too_slow"


class HttpProblem(LlmError):
    code = "http_problem"

    def __init__(self, endpoint: str, status: int, reason: str) -> None:
        said = say("llm_answers_status_alone", endpoint=endpoint, status=status)
        if reason.strip():
            said = say("llm_answers_status", endpoint=endpoint, status=status, problem=quote(reason))
        super().__init__(endpoint, said, again=status not in (401, 402, 403, 404))
        self.status = status


class WebPage(LlmError):
    code = "web_page"

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint, say("llm_answers_page", endpoint=endpoint), again=False)


class NotTheRoute(LlmError):
    code = "not_the_route"


class EmptyAnswer(LlmError):
    code = "empty_answer"


class Declined(LlmError):
    code = "declined"


class CutOff(LlmError):
    code = "cut_off"


class NotJson(LlmError):
    code = "not_json"


class WrongShape(LlmError):
    code = "wrong_shape"


def quote(text: str) -> Quoted:
    """Return the beginning of a foreign text, on one line."""
    line = " ".join(text.split())
    return Quoted(line if len(line) <= QUOTED_CHARACTERS else f"{line[:QUOTED_CHARACTERS]} …")
