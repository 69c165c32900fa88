"""Find the JSON in a model's answer, also if it is wrapped in words, fences or thoughts, and check its shape."""

from __future__ import annotations

import json
import re
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from devserver.errors.sentences import say
from devserver.llm.errors import Declined, EmptyAnswer, NotJson, WebPage, WrongShape, quote
from schemas.json_values import JsonObject


class Shape(BaseModel):
    """The fields of an answer. The JSON Schema allows no others; a server that ignores it may send more."""

    model_config = ConfigDict(extra="ignore", frozen=True, json_schema_extra={"additionalProperties": False})


S = TypeVar("S", bound=Shape)
THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
PAGE = re.compile(r"\s*<(!doctype|html|head|body)\b", re.IGNORECASE)
NO = r"(?:can(?:not|['’]?t|\ not)|won['’]?t|\ ?am\ unable\ to|['’]m\ unable\ to|\ ?am\ not\ able\ to)"
DECLINING = re.compile(  # songs say sorry and cannot help falling in love, so only whole phrases match
    rf"""\W*(?:
      (?:i['’]?m|i\ am)\ (?:very\ |so\ )?sorry,?\ but\ (?:i\ ?{NO}|as\ an\ ai)
    | (?:(?:i['’]?m|i\ am)\ sorry[,.]\ )?i\ ?{NO}\ (?:help|assist|comply|fulfill?|provide|create|generate|write|do)
      (?:\ you)?(?:\ with)?\ (?:that|this|your\ request)\b
    | as\ an?\ (?:ai\b|large\ language\ model|language\ model)
    | (?:es\ )?tut\ mir\ leid,?\ (?:aber\ )?(?:das|dabei|ich)\ (?:kann|darf)
    | (?:ich\ kann\ (?:ihnen\ |dir\ )?dabei|dabei\ kann\ ich\ (?:ihnen|dir)?)\ (?:leider\ )?nicht\ helfen
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def read_answer(content: str, shape: type[S], endpoint: str) -> S:
    """Parse an answer into its shape.

    Raises:
        LlmError: the subclass for the fault.
    """
    said = THOUGHTS.sub("", content).strip()
    if not said:
        sentence = "llm_only_thought" if content.strip() else "llm_said_nothing"
        raise EmptyAnswer(endpoint, say(sentence, endpoint=endpoint))
    if PAGE.match(said):
        raise WebPage(endpoint)
    objects = _find_objects(said)
    if not objects:
        if DECLINING.match(said):
            raise Declined(endpoint, say("llm_declines", endpoint=endpoint, problem=quote(said)))
        raise NotJson(endpoint, say("llm_answers_without_json", endpoint=endpoint, problem=quote(said)))
    problem: ValidationError | None = None
    for each in objects:
        try:
            answer = shape.model_validate(each)
        except ValidationError as e:
            problem = problem or e
            continue
        if DECLINING.match(str(getattr(answer, "text", ""))):
            words = quote(str(getattr(answer, "text", "")))
            raise Declined(endpoint, say("llm_declines", endpoint=endpoint, problem=words))
        return answer
    said_wrong = say("llm_answers_other_shape", endpoint=endpoint, problem=_describe_errors(problem))
    raise WrongShape(endpoint, said_wrong) from problem


def partial_text(content: str, name: str) -> str:
    """Return the beginning of the text field `name` of a JSON answer that is not complete yet."""
    said = THOUGHTS.sub("", content)
    start = re.search(rf'"{re.escape(name)}"\s*:\s*"', said)
    if start is None:
        return ""
    whole = re.match(r'(?:[^"\\]|\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt]))*', said[start.end() :])
    read: str = json.loads(f'"{whole[0] if whole else ""}"', strict=False)
    return read.encode(errors="ignore").decode()  # half of a surrogate pair comes with the next piece


def _find_objects(text: str) -> list[JsonObject]:
    """Return every JSON object at the top level of a text, in order; braces that begin none are skipped."""
    decoder, objects, at = json.JSONDecoder(strict=False), list[JsonObject](), 0
    while (at := text.find("{", at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            at += 1
            continue
        except RecursionError:
            break  # each further brace would nest as deeply
        objects.append(value)
    return objects


def _describe_errors(problem: ValidationError | None) -> str:
    errors = problem.errors(include_url=False) if problem else []
    return "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in errors[:3])
