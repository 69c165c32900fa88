"""Tonewright's nodes: a custom-node folder for ComfyUI and, through ``TABLE``, the nodes of our own host."""

from __future__ import annotations

from typing import Any

from .analyse import TonewrightAnalyse
from .arrange import TonewrightArrange
from .compose import TonewrightCompose
from .convert import TonewrightConvert
from .master import TonewrightMaster
from .midi import TonewrightMidi
from .mix import TonewrightMix
from .peaks import TonewrightPeaks
from .render import TonewrightRender
from .separate import TonewrightSeparate
from .style import TonewrightStyle
from .synthesise import TonewrightSynthesise
from .visualise import TonewrightVisualise

TABLE: dict[str, type[Any]] = {
    node.__name__: node
    for node in (
        TonewrightCompose,
        TonewrightSynthesise,
        TonewrightRender,
        TonewrightMidi,
        TonewrightAnalyse,
        TonewrightPeaks,
        TonewrightSeparate,
        TonewrightStyle,
        TonewrightArrange,
        TonewrightMix,
        TonewrightMaster,
        TonewrightConvert,
        TonewrightVisualise,
    )
}

NODE_DISPLAY_NAME_MAPPINGS = {name: node.DISPLAY_NAME for name, node in TABLE.items()}


def __getattr__(name: str) -> Any:
    # Only ComfyUI asks for this name, so only there is torch imported.
    if name == "NODE_CLASS_MAPPINGS":
        from .comfyui import wrap

        mappings = {key: wrap(node) for key, node in TABLE.items()}
        globals()[name] = mappings
        return mappings
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
