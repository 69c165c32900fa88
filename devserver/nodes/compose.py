"""The node that reads a text and writes a song."""

from __future__ import annotations

from typing import Any, cast

from .host import host
from .music.composer import compose
from .music.genres import GENRES
from .music.prompt import MusicRequest, parse
from .music.song import BPM_RANGE, MAX_SECONDS, Mood
from .music.theory import KEY_NAMES

AUTO = "auto"
MOODS = ("bright", "dark", "calm", "energetic")


class TonewrightCompose:
    """Text to song: what the fields leave open ("auto", 0, "") is read from the text."""

    DISPLAY_NAME = "Compose (Tonewright)"
    CATEGORY = "tonewright/music"
    DESCRIPTION = "Composes a song with drums, bass, chords and lead from a text in English or German."
    FUNCTION = "run"
    RETURN_TYPES = ("STRING",)
    RETURN_NAMES = ("song",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "prompt": ("STRING", {"multiline": True, "default": ""}),
                "genre": ([AUTO, *GENRES], {"default": AUTO}),
                "bpm": ("FLOAT", {"default": 0.0, "min": 0.0, "max": BPM_RANGE[1], "step": 0.01}),
                "key": ([AUTO, *KEY_NAMES], {"default": AUTO}),
                "mood": ([AUTO, *MOODS], {"default": AUTO}),
                "instruments": ("STRING", {"default": ""}),
                "seconds": ("FLOAT", {"default": 30.0, "min": 1.0, "max": MAX_SECONDS, "step": 0.1}),
                "seed": ("INT", {"default": 0, "min": 0, "max": 2**32 - 1}),
            },
        }

    def run(
        self,
        *,
        prompt: str,
        genre: str,
        bpm: float,
        key: str,
        mood: str,
        instruments: str,
        seconds: float,
        seed: int,
    ) -> tuple[str]:
        host().check()
        asked = MusicRequest(
            genre=None if genre == AUTO else genre,
            bpm=bpm or None,
            key=None if key == AUTO else key,
            mood=None if mood == AUTO else cast("Mood", mood),
            instruments=instruments,
        )
        return (compose(parse(prompt, asked, seconds=seconds, seed=seed)).to_json(),)
