"""Which numpy, codecs and processor decoded samples come from: with others their last bits differ.

`python -m tests.kept.runs.machine` writes down this machine as the one whose hashes of samples are recorded.
"""

from __future__ import annotations

import json
import os
import warnings
from functools import cache
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from tests.kept.comparing import NOT_COMPARABLE

FILE: Final = Path(__file__).with_name("machine.json")
OF_FILMS: Final = frozenset({"processors"})  # their encoder shares its work among them


def here() -> dict[str, Any]:
    """Return what decoded samples depend on."""
    features = np.show_config(mode="dicts")["SIMD Extensions"]
    codecs = {name: ".".join(map(str, version)) for name, version in sorted(av.library_versions.items())}
    return {"numpy": np.__version__, "cpu_features": features, "av": codecs, "processors": os.cpu_count()}


@cache
def unlike_the_recorded_one(*, film: bool) -> tuple[str, ...]:
    """Return the names of what is otherwise here than on the machine whose hashes are recorded; warn of it once."""
    was, now = json.loads(FILE.read_text()), json.loads(json.dumps(here()))
    unlike = tuple(name for name in was if was[name] != now[name] and (film or name not in OF_FILMS))
    if unlike:
        told = "; ".join(f"{name} {json.dumps(was[name])} there, {json.dumps(now[name])} here" for name in unlike)
        what = "films" if film else "sounds and pictures"
        warnings.warn(f"Hashes of decoded {what} are not compared, levels and lengths are: {told}", stacklevel=2)
    return unlike


def hash_here(digest: str, *, film: bool = False) -> str:
    """Return a hash of samples as the recorded case has it, or that it cannot be compared on this machine."""
    return NOT_COMPARABLE if unlike_the_recorded_one(film=film) else digest


if __name__ == "__main__":
    FILE.write_text(json.dumps(here(), indent=1) + "\n")
