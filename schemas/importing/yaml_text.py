"""Definitions as YAML text that reads back as the same values."""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml

WIDTH = 118
# Control signs and other signs that break a line: such a text is quoted, with these written as escapes.
STRANGE = re.compile("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\xa0\\u2028\\u2029\\ufeff]")


class _Dumper(yaml.SafeDumper):
    """Lists of plain values stand on one line, and so does each mapping in a list."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - aliases are not read back
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - lists are indented
        super().increase_indent(flow, False)

    def represent_row(self, data: list[object]) -> yaml.SequenceNode:
        plain = not any(isinstance(value, dict | list) for value in data)
        node: yaml.SequenceNode = self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=plain)
        for entry in node.value:
            if isinstance(entry, yaml.MappingNode):
                entry.flow_style = True
        return node


# Numbers to the definitions' reader that YAML 1.1 reads as text, such as 1e5: text like it is quoted.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
_Dumper.add_representer(list, _Dumper.represent_row)
_Dumper.add_representer(
    str, lambda dumper, data: dumper.represent_scalar("tag:yaml.org,2002:str", data, style=_style(data))
)


def _style(text: str) -> str | None:
    """Return the style of a text: a block for several lines, unless that would change them."""
    if STRANGE.search(text):
        return '"'
    lines = text.split("\n")
    same = bool(lines[0]) and not lines[0].startswith(" ") and not any(line.endswith(" ") for line in lines)
    return "|" if same and len(lines) > 1 else None


def yaml_text(content: Mapping[str, object], *, head: str) -> str:
    """Return the text of a definition, with a comment above it."""
    body = yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return f"# {' '.join(head.split())}\n{body}"
