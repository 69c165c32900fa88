"""What the page of the studio says holds."""

from __future__ import annotations

import re
from pathlib import Path

from devserver.nodes.master import PRESETS
from devserver.nodes.studio.arranging import ArrangePlan
from devserver.nodes.studio.encode import FORMS
from devserver.nodes.studio.mixing import DEFAULTS, MixPlan
from devserver.nodes.studio.plan import read_plan

PAGE = (Path(__file__).parents[3] / "docs" / "studio.md").read_text(encoding="utf-8")


def test_its_plans_are_accepted() -> None:
    mix, arrangement = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert read_plan(MixPlan, mix) != MixPlan()
    assert read_plan(ArrangePlan, arrangement) != ArrangePlan()


def test_its_presets_formats_and_levels_are_those_of_the_nodes() -> None:
    for name, (loudness_lufs, ceiling_dbtp) in PRESETS.items():
        assert f"| {name} | {loudness_lufs:g} | {ceiling_dbtp:g} |" in PAGE
    for kind, form in FORMS.items():
        named = "as `opus`" if kind == "ogg" else ", ".join(f"`{quality}`" for quality in form.qualities)
        assert f"| `{kind}` | {named} |" in PAGE
    levels = ", ".join(f"{name} {values['level_lu']:g}" for name, values in DEFAULTS.items())
    assert f"By default {levels}." in PAGE
