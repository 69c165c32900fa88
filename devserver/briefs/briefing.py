"""What the words of a request say of the values that it leaves open: read when it is accepted, kept in its plan.

It is no stage: how many takes there are and every parameter are decided before the first stage runs, and a rerun takes
them from the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from devserver.errors import InputError, bounds, value_code
from devserver.model.plan import Applied, BriefValue
from devserver.nodes.prompting.brief import BadValue, BriefValues, Parsed, Reading
from devserver.nodes.prompting.complete import parse_text
from devserver.nodes.prompting.merge import told
from devserver.nodes.prompting.read import read
from schemas.catalog import LOSSLESS
from schemas.model import GraphChunk, OutputConfig, Parameter
from schemas.values import PLACEHOLDERS, Value
from schemas.wording import requirement

MUSICAL: Final = frozenset({"genre", "bpm"})  # parameters of a film that has music made for it
DESCRIPTION: Final = "prompt"  # the parameter that says in words what is to be made
LYRICS: Final = "lyrics"
NO_VOICE: Final = "[instrumental]"
# Which parameters a field of the brief goes to, by the names that all definitions share.
PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "duration_seconds": ("seconds",),
    "bpm": ("bpm",),
    "key": ("key", "keyscale"),
    "time_signature": ("time_signature", "timesignature"),
    "language": ("language",),
    "genre": ("genre",),
    "instruments": ("instruments",),
}
ELSEWHERE: Final = frozenset({"variations", "seed", "format", "vocals", "mode"})  # the mode goes with the key
IN_THE_WORDS: Final = frozenset({"genre", "instruments"})  # they reach the music with the text, unless they are locked
OF_THE_GENRE: Final = frozenset({"bpm", "time_signature"})
SINGS_ANYWAY: Final = frozenset({"instrumental", "choir"})
SAID: Final = {"bpm": "{} bpm", "duration_seconds": "{} seconds"}
FLATS: Final = {"C#": "Db", "D#": "Eb", "F#": "Gb", "G#": "Ab", "A#": "Bb"}


@dataclass(frozen=True)
class Formats:
    """The formats that a request asks for, and those that are made here of a file without loss."""

    asked: Sequence[str]
    made: Sequence[str]


@dataclass(frozen=True)
class Briefing:
    """What was understood of the text that describes an output; nothing where no text does."""

    parsed: Parsed
    locked: frozenset[str]

    @property
    def takes(self) -> int | None:
        takes = self.value("variations")
        return takes if isinstance(takes, int) else None

    @property
    def seed(self) -> int | None:
        seed = self.value("seed")
        return seed if isinstance(seed, int) else None

    def value(self, field: str) -> object:
        """What the words, or a locked field, say; not what is only guessed, as what a genre usually has is."""
        reading = self.said(field)
        return reading.value if reading else None

    def said(self, field: str) -> Reading | None:
        reading = self.parsed.readings.get(field)
        return None if reading is None or reading.guessed else reading

    def as_json(self) -> dict[str, object]:
        told = self.parsed.as_json()
        return {"fields": {name: one for name, one in told.pop("brief").items() if one}, **told}


def locked_values(asked: bool | Mapping[str, object]) -> BriefValues:
    """The values that a request's `brief` holds fast. Raises InputError naming the field."""
    try:
        return BriefValues.checked(asked if isinstance(asked, Mapping) else {})
    except BadValue as e:
        raise refused_value(e, "brief") from e


def refused_value(error: BadValue, parent: str) -> InputError:
    """What is wrong with a value of the brief that stands under a request's field."""
    field = f"{parent}.{error.field}" if error.field else parent
    if error.fault is None:
        return InputError(
            "brief_field_refused", field=field, value=error.value, allowed=error.allowed, problem=str(error)
        )
    allowed = requirement(error.fault)
    return InputError(
        value_code(error.fault),
        message=f"{field} {allowed}; not {error.value!r}.",
        field=field,
        value=error.value,
        allowed=allowed,
        **bounds(error.fault),
    )


def briefing(
    chunk: GraphChunk, config: OutputConfig, wanted: Mapping[str, object], text: str, values: BriefValues
) -> Briefing | None:
    """What the text that describes an output says; None where it makes no music, or no text of the request does.

    The text is what the parameter `prompt` gets. Where the run's own text is something else, such as the lyrics, it is
    not read.
    """
    if chunk.main is None or (chunk.main.media != "audio" and not MUSICAL & chunk.parameters.keys()):
        return None
    described = wanted.get(DESCRIPTION)
    if described is None and (DESCRIPTION not in chunk.parameters or config.values.get(DESCRIPTION) in PLACEHOLDERS):
        described = text
    if not isinstance(described, str):
        if not values.model_fields_set:
            return None
        described = ""
    locked = frozenset(name for name in values.model_fields_set if getattr(values, name) is not None)
    return Briefing(parse_text(described, values), locked)


def applied(
    found: Briefing, chunk: GraphChunk, config: OutputConfig, wanted: Mapping[str, object], formats: Formats
) -> tuple[Applied, ...]:
    """What a way to make the output takes from the brief; values that the request gives are left alone."""
    return tuple(_applied(found, chunk, config, wanted, formats))


def _applied(
    found: Briefing, chunk: GraphChunk, config: OutputConfig, wanted: Mapping[str, object], formats: Formats
) -> Iterator[Applied]:
    for field, names in PARAMETERS.items():
        reading = _for_parameter(found, field, names, config)
        name = next((name for name in names if name in chunk.parameters), None)
        if reading is None or (name and wanted.get(name) is not None):
            continue
        if name is None:
            if field in found.locked:
                yield _in_words(field, reading, chunk, config)
            continue
        value = ", ".join(reading.value) if isinstance(reading.value, tuple) else reading.value
        used, message = fitted(chunk.parameters[name], value)
        yield Applied(
            field=field, parameter=name, asked=reading.value, used=used, origin=reading.origin, message=message
        )
    for name in sorted(found.locked - PARAMETERS.keys() - ELSEWHERE):
        yield _in_words(name, found.parsed.readings[name], chunk, config)
    for conflict in found.parsed.conflicts:
        if found.locked.issuperset(conflict.fields):
            continue  # whoever locks a field knows what the text says
        fields = ", ".join(conflict.fields)
        yield Applied(field=fields, parameter=None, asked=None, used=None, origin="parsed", message=conflict.message)
    yield from _voices(found, chunk, config, wanted)
    yield from _format(found, chunk, config, wanted, formats)


def _for_parameter(found: Briefing, field: str, names: tuple[str, ...], config: OutputConfig) -> Reading | None:
    if field in IN_THE_WORDS and field not in found.locked:
        return None
    reading = found.said(field)
    if reading is None and field in OF_THE_GENRE and found.said("genre") and any(n in config.values for n in names):
        return found.parsed.readings.get(field)  # the config's own value was chosen for another genre
    return reading


def _in_words(field: str, reading: Reading, chunk: GraphChunk, config: OutputConfig) -> Applied:
    """A locked field that has no parameter is said before the text; only words that the parser knows are."""
    items = reading.value if isinstance(reading.value, tuple) else (SAID.get(field, "{}").format(told(reading.value)),)
    if DESCRIPTION not in chunk.parameters or field == "language":
        return _unused(field, reading, f"{config.label.en} has no parameter for {field}")
    if strange := [word.word for item in items for word in read(item).unmatched]:
        return _unused(field, reading, f"nobody here knows {', '.join(strange)}; say it in the text")
    words = ", ".join(f"no {item}" if field == "avoid" else item for item in items)
    return Applied(field=field, parameter=DESCRIPTION, asked=reading.value, used=words, origin=reading.origin)


def worded(values: Mapping[str, Value], brief: tuple[Applied, ...]) -> dict[str, Value]:
    """The values of a take with what is locked said before the text that describes it."""
    words = [str(one.used) for one in brief if one.parameter == DESCRIPTION and one.used]
    text = values.get(DESCRIPTION)
    if not words or not isinstance(text, str):
        return dict(values)
    return {**values, DESCRIPTION: ". ".join(part for part in (", ".join(words), text) if part)}


def given(brief: tuple[Applied, ...]) -> dict[str, BriefValue]:
    """The values by parameter."""
    chosen = {one.parameter: one.used for one in brief if one.parameter and one.used is not None}
    return {name: value for name, value in chosen.items() if name != DESCRIPTION}


def _unused(field: str, reading: Reading, why: str) -> Applied:
    message = f"{field} {told(reading.value)} is not used: {why}."
    return Applied(field=field, parameter=None, asked=reading.value, used=None, origin=reading.origin, message=message)


def further_formats(brief: tuple[Applied, ...]) -> list[str]:
    """The formats that the words ask for beside that of the main file."""
    return [str(one.used) for one in brief if one.field == "format" and one.parameter is None and one.used]


def fitted(parameter: Parameter, value: BriefValue) -> tuple[BriefValue, str]:
    """The value as the parameter can have it, and what is to be told where that is another one; None where none is."""
    name, unit = parameter.name, f" {parameter.unit}" if parameter.unit else ""
    if parameter.type == "choice":
        for spelled in _spellings(str(value)):
            if spelled in parameter.choices:
                return spelled, ""
        allowed = ", ".join(map(str, parameter.choices))
        return None, f"The text asks for {name} {value}, which is not among {allowed}; it was left as it is."
    if parameter.type not in ("int", "float") or not isinstance(value, int | float):
        return value, ""
    low, high = parameter.min, parameter.max
    within = min(max(value, low if low is not None else value), high if high is not None else value)
    used = round(within) if parameter.type == "int" else float(within)
    if used == value:
        return used, ""
    span = f" ({low:g} to {high:g}{unit} are allowed)" if low is not None and high is not None else ""
    return used, f"The text asks for {name} {value:g}{unit}; {used:g}{unit} is used{span}."


def _spellings(value: str) -> Iterator[str]:
    """A value as definitions may write it: a key with sharps or flats, a metre by its upper number alone."""
    yield value
    tonic, _, mode = value.partition(" ")
    if tonic in FLATS:
        yield f"{FLATS[tonic]} {mode}"
    if "/" in value:
        yield value.partition("/")[0]


def _voices(
    found: Briefing, chunk: GraphChunk, config: OutputConfig, wanted: Mapping[str, object]
) -> Iterator[Applied]:
    """Music without a voice is asked for by its mark in the lyrics; words to be sung can only come from a person."""
    reading = found.said("vocals")
    if reading is None or wanted.get(LYRICS) is not None or config.values.get(LYRICS) in PLACEHOLDERS:
        return
    own = config.values.get(LYRICS)
    if LYRICS in chunk.parameters and reading.value == "instrumental":
        mark = str(own) if str(own).casefold() == NO_VOICE else NO_VOICE
        yield Applied(field="vocals", parameter=LYRICS, asked=reading.value, used=mark, origin=reading.origin)
    elif reading.value not in SINGS_ANYWAY:
        why = "give the words to be sung as lyrics" if LYRICS in chunk.parameters else "it makes no voices"
        yield _unused("vocals", reading, f"{config.label.en} sings nothing here; {why}")


def _format(
    found: Briefing, chunk: GraphChunk, config: OutputConfig, wanted: Mapping[str, object], formats: Formats
) -> Iterator[Applied]:
    """The format of the main file where it can be chosen, else of another one that is made from it."""
    reading = found.said("format")
    if reading is None or formats.asked or chunk.main is None:
        return
    name = chunk.main.format_parameter
    if name is not None and wanted.get(name) is not None:
        return
    offered = chunk.formats(chunk.main)
    if name is None and reading.value in formats.made and offered[0] in LOSSLESS and reading.value not in offered:
        yield Applied(field="format", parameter=None, asked=reading.value, used=reading.value, origin=reading.origin)
    elif reading.value not in offered:
        yield _unused("format", reading, f"{config.label.en} makes {', '.join(offered)}")
    elif name is not None:
        yield Applied(field="format", parameter=name, asked=reading.value, used=reading.value, origin=reading.origin)
