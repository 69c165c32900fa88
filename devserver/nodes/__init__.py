"""Tonewright's nodes: a custom-node folder for ComfyUI and, through ``TABLE``, the nodes of our own host."""

from __future__ import annotations

from typing import Any

# Made when they are first asked for: whoever needs a module of this folder alone does not wait for all of them.
TABLE: dict[str, type[Any]]
NODE_DISPLAY_NAME_MAPPINGS: dict[str, str]


def _table() -> dict[str, type[Any]]:
    from .analyse import TonewrightAnalyse
    from .arrange import TonewrightArrange
    from .compose import TonewrightCompose
    from .convert import TonewrightConvert
    from .master import TonewrightMaster
    from .midi import TonewrightMidi
    from .mix import TonewrightMix
    from .peaks import TonewrightPeaks
    from .render import TonewrightRender
    from .save_text import TonewrightSaveText
    from .separate import TonewrightSeparate
    from .style import TonewrightStyle
    from .synthesise import TonewrightSynthesise
    from .visualise import TonewrightVisualise

    nodes: tuple[type[Any], ...] = (
        TonewrightCompose,
        TonewrightSynthesise,
        TonewrightRender,
        TonewrightMidi,
        TonewrightAnalyse,
        TonewrightPeaks,
        TonewrightSaveText,
        TonewrightSeparate,
        TonewrightStyle,
        TonewrightArrange,
        TonewrightMix,
        TonewrightMaster,
        TonewrightConvert,
        TonewrightVisualise,
    )
    return {node.__name__: node for node in nodes}


def __getattr__(name: str) -> Any:
    made: dict[str, Any]
    if name == "TABLE":
        made = _table()
    elif name == "NODE_DISPLAY_NAME_MAPPINGS":
        made = {key: node.DISPLAY_NAME for key, node in __getattr__("TABLE").items()}
    elif name == "NODE_CLASS_MAPPINGS":  # only ComfyUI asks for this name, so only there is torch imported
        from .comfyui import wrap

        made = {key: wrap(node) for key, node in __getattr__("TABLE").items()}
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, made)
