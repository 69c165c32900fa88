"""Makes the composer's brief of what a text says and what is set beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..prompting.brief import BriefValues, Parsed
from ..prompting.complete import complete_brief
from ..prompting.merge import lock_fields
from ..prompting.read import read
from .feel import apply_feel, is_supported
from .genres import GENRES
from .harmony import MODAL
from .players import INSTRUMENTS, assign_voices, mute_refused
from .song import BPM_RANGE, PARTS, Brief, Mood

# The composer's five moods, and the moods and textures of a text that lean to each.
MOOD_OF: dict[str, Mood] = {
    **dict.fromkeys(
        ("happy", "uplifting", "hopeful", "euphoric", "playful", "festive", "bright", "cool", "elegant"), "bright"
    ),
    **dict.fromkeys(("dark", "eerie", "sad", "melancholic", "mysterious", "tense", "lonely", "cold"), "dark"),
    **dict.fromkeys(
        (
            *("calm", "meditative", "dreamy", "romantic", "intimate", "nostalgic", "beautiful", "emotional", "soulful"),
            *("sensual", "soft", "ethereal", "sparse"),
        ),
        "calm",
    ),
    **dict.fromkeys(
        (
            *("energetic", "aggressive", "epic", "dramatic", "restless", "passionate", "groovy", "hard", "heavy"),
            *("punchy", "anthemic"),
        ),
        "energetic",
    ),
}


@dataclass(frozen=True)
class MusicRequest:
    """The values that were set besides the text; None and "" leave a value to the text."""

    genre: str | None = None
    bpm: float | None = None
    key: str | None = None
    mood: Mood | None = None
    instruments: str = ""


def parse(prompt: str, asked: MusicRequest, *, seconds: float, seed: int) -> Brief:
    """Return the brief for a text: what is asked beside it first, then its words, then the genre's defaults.

    A text without a genre word still gets one, always the same, so that its seeds differ in notes and not in style.

    Raises:
        ValueError: a value is out of range; the message names the field, the value and what is allowed.
    """
    said = complete_brief(lock_fields(read(prompt), _values(asked)), prompt)
    beside = read(asked.instruments)
    wanted = (*beside.items("instruments"), *said.items("instruments"))
    refused = (*beside.items("avoid"), *said.items("avoid"))
    alone = "solo" in (*beside.items("texture"), *said.items("texture"))
    if said.value("vocals") == "choir":
        wanted = (*wanted, "choir")
    voices, muted = assign_voices(wanted, refused, alone=alone)
    if "pizzicato" in said.items("production") and voices.get("chords") in {None, "strings"}:
        voices["chords"] = "pizzicato"
    if len(muted) == len(PARTS):
        raise ValueError("instruments and prompt leave nothing to play; allowed is to leave out three parts of four")
    metre = said.readings["time_signature"]
    brief = Brief(
        prompt=prompt,
        genre=said.value("genre"),
        bpm=said.value("bpm"),
        key=said.value("key"),
        mood=asked.mood or mood_of(said),
        mode=said.value("mode") if said.value("mode") in MODAL else "",
        style=said.value("sub_genre") or "",
        voices=voices,
        muted=muted,
        time_signature=None if metre.origin == "genre default" else metre.value,
        structure=said.items("structure"),
        textures=said.items("texture"),
        production=said.items("production"),
        era=said.value("era") or "",
        seconds=seconds,
        seed=seed,
        remarks=(*said.notes, *_find_unsupported(said, wanted, seconds)),
    )
    own = apply_feel(GENRES[brief.genre], brief)
    return brief.model_copy(update={"voices": mute_refused(refused, own, voices, muted)})


def mood_of(said: Parsed) -> Mood:
    """Return the composer's mood that a text leans to first; neutral where it leans to none."""
    leaning = (MOOD_OF[word] for word in (*said.items("moods"), *said.items("texture")) if word in MOOD_OF)
    return next(leaning, "neutral")


def _values(asked: MusicRequest) -> BriefValues:
    if asked.genre is not None and asked.genre not in GENRES:
        raise ValueError(f"genre is {asked.genre!r}; allowed is auto or one of {', '.join(GENRES)}")
    if asked.bpm is not None and not BPM_RANGE[0] <= asked.bpm <= BPM_RANGE[1]:
        raise ValueError(
            f"bpm is {asked.bpm:g}; allowed is 0 (from the text or the genre) or {BPM_RANGE[0]:g} to {BPM_RANGE[1]:g}"
        )
    given: dict[str, Any] = {"genre": asked.genre, "bpm": asked.bpm, "key": asked.key}
    return BriefValues.parse({name: value for name, value in given.items() if value is not None})


def _find_unsupported(said: Parsed, wanted: tuple[str, ...], seconds: float) -> tuple[str, ...]:
    """Return the requests of the text that the composer cannot fulfil, in words."""
    remarks = []
    if (vocals := said.value("vocals")) not in {None, "instrumental", "choir"}:
        remarks.append(f"Nobody sings here: vocals ({vocals}) are left out.")
    if missing := [name for name in wanted if name not in INSTRUMENTS]:
        remarks.append(f"No voice here plays {', '.join(missing)}.")
    words = dict.fromkeys((*said.items("texture"), *said.items("production")))
    if deaf := [word for word in words if not is_supported(word) and word not in MOOD_OF]:
        remarks.append(f"Without effect here: {', '.join(deaf)}.")
    asked_seconds = said.value("duration_seconds")
    if asked_seconds and not said.readings["duration_seconds"].guessed and abs(asked_seconds - seconds) > 1:
        remarks.append(f"The text says {asked_seconds:g} seconds; the length is set to {seconds:g}.")
    return tuple(remarks)
