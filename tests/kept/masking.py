"""Tokens in the place of everything that differs from one time to the next: ids, times, ports, folders, hashes."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
HEX: Final = "[0-9a-f]"
# A token that ends with a number sign is numbered in the order in which its values appear in the case.
COMMON: Final = {
    r"\d{8}-\d{6}-[0-9a-f]{8}": "run #",
    rf"{HEX}{{8}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{12}}": "uuid #",
    rf"(?<!{HEX}){HEX}{{64}}(?!{HEX})": "sha256 #",
    r"tonewright_[\w-]{43}(?![\w-])": "key",
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)?": "time",
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT": "date",
    rf"(?<=@){re.escape(socket.gethostname())}\b": "host",
    r"(?<=127\.0\.0\.1:)\d+|(?<=localhost:)\d+|(?<=\[::1\]:)\d+": "port",
}


class Mask:
    """Masks whole cases; the numbers begin again with each."""

    def __init__(self, folder: Path, keys: Mapping[str, str], patterns: Mapping[str, str]) -> None:
        places = {re.escape(str(folder)): "folder", re.escape(str(ROOT)): "root"}
        tokens = {**patterns, **places, **COMMON}
        self._keys = keys
        self._tokens = list(tokens.values())
        self._pattern = re.compile("|".join(f"(?P<token_{n}>{pattern})" for n, pattern in enumerate(tokens)))

    def __call__(self, case: Any) -> Any:
        numbers: dict[str, dict[str, int]] = {}

        def token(match: re.Match[str]) -> str:
            name = next(name for n, name in enumerate(self._tokens) if match[f"token_{n}"] is not None)
            if name.endswith("#"):
                met = numbers.setdefault(name, {})
                name = name.replace("#", str(met.setdefault(match[0], len(met) + 1)))
            return f"<{name}>"

        def masked(value: Any, key: str = "") -> Any:
            if key in self._keys and value is not None:
                return f"<{self._keys[key]}>"
            if isinstance(value, Mapping):
                return {self._pattern.sub(token, str(name)): masked(inner, str(name)) for name, inner in value.items()}
            if isinstance(value, (list, tuple)):
                return [masked(inner) for inner in value]
            return self._pattern.sub(token, value) if isinstance(value, str) else value

        return masked(case)
