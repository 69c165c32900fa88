"""Fill parameters that a request leaves open from the words of its text, when it is accepted; the plan keeps them.

This is not a stage: the number of takes and every parameter are decided before the first stage runs, and a rerun
takes them from the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from devserver.errors import InputError, bounds, value_code
from devserver.model.plan import Applied, BriefValue
from devserver.nodes.prompting.brief import BadValue, BriefValues, Parsed, Reading
from devserver.nodes.prompting.complete import parse_text
from devserver.nodes.prompting.merge import describe_value
from devserver.nodes.prompting.read import read
from schemas.catalog import LOSSLESS
from schemas.model import GraphChunk, OutputConfig, Parameter
from schemas.values import PLACEHOLDERS, Value
from schemas.wording import requirement

MUSICAL: Final = frozenset({"genre", "bpm"})  # parameters of a film that comes with music of its own
DESCRIPTION: Final = "prompt"  # the parameter that describes the output in words
LYRICS: Final = "lyrics"
NO_VOICE: Final = "[instrumental]"
# The parameters that a field of the brief sets, by the names that all definitions share.
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
IN_THE_WORDS: Final = frozenset({"genre", "instruments"})  # the text itself carries them, unless they are locked
OF_THE_GENRE: Final = frozenset({"bpm", "time_signature"})
SINGS_ANYWAY: Final = frozenset({"instrumental", "choir"})
WORDINGS: Final = {"bpm": "{} bpm", "duration_seconds": "{} seconds"}
FLATS: Final = {"C#": "Db", "D#": "Eb", "F#": "Gb", "G#": "Ab", "A#": "Bb"}


@dataclass(frozen=True)
class Formats:
    """The formats that a request asks for, and those that this server converts a lossless file to."""

    asked: Sequence[str]
    made: Sequence[str]


@dataclass(frozen=True)
class Briefing:
    """The brief that was read from the text that describes an output, and its locked fields."""

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
        """Return the value of a field that the words or a lock state; None for a guess, as from the genre."""
        reading = self.stated_reading(field)
        return reading.value if reading else None

    def stated_reading(self, field: str) -> Reading | None:
        reading = self.parsed.readings.get(field)
        return None if reading is None or reading.guessed else reading

    def as_json(self) -> dict[str, object]:
        fields = self.parsed.as_json()
        return {
            "fields": {name: reading for name, reading in fields.pop("brief").items() if reading},
            **fields,
        }


def read_locked_values(asked: bool | Mapping[str, object]) -> BriefValues:
    """Return the values that a request's `brief` locks. Raises InputError naming the field."""
    try:
        return BriefValues.parse(asked if isinstance(asked, Mapping) else {})
    except BadValue as e:
        raise brief_value_error(e, "brief") from e


def brief_value_error(error: BadValue, parent: str) -> InputError:
    """Return the error for a wrong value of the brief that stands under a request's field."""
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


def read_briefing(
    chunk: GraphChunk, config: OutputConfig, wanted: Mapping[str, object], text: str, values: BriefValues
) -> Briefing | None:
    """Read the text that describes an output; None if the output is no music, or no text of the request describes it.

    The text is the value of the parameter `prompt`. If the run's own text is something else, such as the lyrics, it
    is not read.
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


def apply_brief(
    brief: Briefing, chunk: GraphChunk, config: OutputConfig, wanted: Mapping[str, object], formats: Formats
) -> tuple[Applied, ...]:
    """Return the values that a chunk takes from the brief; values that the request sets are left alone."""
    return tuple(_apply(brief, chunk, config, wanted, formats))


def _apply(
    brief: Briefing, chunk: GraphChunk, config: OutputConfig, wanted: Mapping[str, object], formats: Formats
) -> Iterator[Applied]:
    for field, names in PARAMETERS.items():
        reading = _reading_for(brief, field, names, config)
        name = next((name for name in names if name in chunk.parameters), None)
        if reading is None or (name and wanted.get(name) is not None):
            continue
        if name is None:
            if field in brief.locked:
                yield _as_words(field, reading, chunk, config)
            continue
        value = ", ".join(reading.value) if isinstance(reading.value, tuple) else reading.value
        used, message = fit_value(chunk.parameters[name], value)
        yield Applied(
            field=field, parameter=name, asked=reading.value, used=used, origin=reading.origin, message=message
        )
    for name in sorted(brief.locked - PARAMETERS.keys() - ELSEWHERE):
        yield _as_words(name, brief.parsed.readings[name], chunk, config)
    for conflict in brief.parsed.conflicts:
        if brief.locked.issuperset(conflict.fields):
            continue  # a user who locks a field knows the text
        fields = ", ".join(conflict.fields)
        yield Applied(field=fields, parameter=None, asked=None, used=None, origin="parsed", message=conflict.message)
    yield from _apply_vocals(brief, chunk, config, wanted)
    yield from _apply_format(brief, chunk, config, wanted, formats)


def _reading_for(brief: Briefing, field: str, names: tuple[str, ...], config: OutputConfig) -> Reading | None:
    if field in IN_THE_WORDS and field not in brief.locked:
        return None
    reading = brief.stated_reading(field)
    if (
        reading is None
        and field in OF_THE_GENRE
        and brief.stated_reading("genre")
        and any(n in config.values for n in names)
    ):
        return brief.parsed.readings.get(field)  # the config's own value belongs to another genre
    return reading


def _as_words(field: str, reading: Reading, chunk: GraphChunk, config: OutputConfig) -> Applied:
    """Put a locked field that has no parameter into words before the text, if the parser knows the words."""
    items = (
        reading.value
        if isinstance(reading.value, tuple)
        else (WORDINGS.get(field, "{}").format(describe_value(reading.value)),)
    )
    if DESCRIPTION not in chunk.parameters or field == "language":
        return _report_unused(field, reading, f"{config.label.en} has no parameter for {field}")
    if strange := [word.word for item in items for word in read(item).unmatched]:
        return _report_unused(field, reading, f"{', '.join(strange)} is not in the vocabulary; write it in the text")
    words = ", ".join(f"no {item}" if field == "avoid" else item for item in items)
    return Applied(field=field, parameter=DESCRIPTION, asked=reading.value, used=words, origin=reading.origin)


def prepend_locked(values: Mapping[str, Value], brief: tuple[Applied, ...]) -> dict[str, Value]:
    """Return the values of a take, with the locked fields in words before the text that describes it."""
    words = [str(one.used) for one in brief if one.parameter == DESCRIPTION and one.used]
    text = values.get(DESCRIPTION)
    if not words or not isinstance(text, str):
        return dict(values)
    return {**values, DESCRIPTION: ". ".join(part for part in (", ".join(words), text) if part)}


def parameter_values(brief: tuple[Applied, ...]) -> dict[str, BriefValue]:
    """Return the values of the brief by parameter."""
    chosen = {one.parameter: one.used for one in brief if one.parameter and one.used is not None}
    return {name: value for name, value in chosen.items() if name != DESCRIPTION}


def _report_unused(field: str, reading: Reading, why: str) -> Applied:
    message = f"{field} {describe_value(reading.value)} is not used: {why}."
    return Applied(field=field, parameter=None, asked=reading.value, used=None, origin=reading.origin, message=message)


def extra_formats(brief: tuple[Applied, ...]) -> list[str]:
    """Return the formats that the words ask for in addition to that of the main file."""
    return [str(one.used) for one in brief if one.field == "format" and one.parameter is None and one.used]


def fit_value(parameter: Parameter, value: BriefValue) -> tuple[BriefValue, str]:
    """Return the nearest value that the parameter allows (None if there is none), and a message if it differs."""
    name, unit = parameter.name, f" {parameter.unit}" if parameter.unit else ""
    if parameter.type == "choice":
        for spelled in _spellings(str(value)):
            if spelled in parameter.choices:
                return spelled, ""
        allowed = ", ".join(map(str, parameter.choices))
        return None, f"The text asks for {name} {value}, which is not among {allowed}; the default is used."
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
    """Yield the spellings of a value that definitions use: a key with sharps or flats, a metre by its upper number."""
    yield value
    tonic, _, mode = value.partition(" ")
    if tonic in FLATS:
        yield f"{FLATS[tonic]} {mode}"
    if "/" in value:
        yield value.partition("/")[0]


def _apply_vocals(
    brief: Briefing, chunk: GraphChunk, config: OutputConfig, wanted: Mapping[str, object]
) -> Iterator[Applied]:
    """Ask for music without a voice by a mark in the lyrics; words to be sung have to come from the user."""
    reading = brief.stated_reading("vocals")
    if reading is None or wanted.get(LYRICS) is not None or config.values.get(LYRICS) in PLACEHOLDERS:
        return
    own = config.values.get(LYRICS)
    if LYRICS in chunk.parameters and reading.value == "instrumental":
        mark = str(own) if str(own).casefold() == NO_VOICE else NO_VOICE
        yield Applied(field="vocals", parameter=LYRICS, asked=reading.value, used=mark, origin=reading.origin)
    elif reading.value not in SINGS_ANYWAY:
        why = "give the words to be sung as lyrics" if LYRICS in chunk.parameters else "it has no voices"
        yield _report_unused("vocals", reading, f"{config.label.en} sings nothing here; {why}")


def _apply_format(
    brief: Briefing, chunk: GraphChunk, config: OutputConfig, wanted: Mapping[str, object], formats: Formats
) -> Iterator[Applied]:
    """Set the format of the main file if it can be chosen, else ask for another file converted from it."""
    reading = brief.stated_reading("format")
    if reading is None or formats.asked or chunk.main is None:
        return
    name = chunk.main.format_parameter
    if name is not None and wanted.get(name) is not None:
        return
    offered = chunk.formats(chunk.main)
    if name is None and reading.value in formats.made and offered[0] in LOSSLESS and reading.value not in offered:
        yield Applied(field="format", parameter=None, asked=reading.value, used=reading.value, origin=reading.origin)
    elif reading.value not in offered:
        yield _report_unused("format", reading, f"{config.label.en} makes {', '.join(offered)}")
    elif name is not None:
        yield Applied(field="format", parameter=name, asked=reading.value, used=reading.value, origin=reading.origin)
