"""A bad plan is refused with field, value and what is allowed."""

from __future__ import annotations

import pytest

from devserver.nodes.studio.mixing import DEFAULTS, MixPlan
from devserver.nodes.studio.plan import read_plan


def test_an_empty_plan_is_the_default_and_a_part_changes_only_itself() -> None:
    default = read_plan(MixPlan, "")
    assert default == read_plan(MixPlan, "{}") == MixPlan()
    assert set(default.stems) == set(DEFAULTS)
    plan = read_plan(MixPlan, '{"stems": {"bass": {"pan": -0.5}}, "loudness_lufs": -20}')
    assert plan.stems["bass"] == default.stems["bass"].model_copy(update={"pan": -0.5})
    assert plan.stems["drums"] == default.stems["drums"]
    assert plan.loudness_lufs == -20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "plan is no JSON: .* line 1, column 2; allowed is a JSON object"),
        ("[]", r"plan is \[\]; allowed is an object"),
        ('{"stems": {"bass": {"pan": 3}}}', r"plan\.stems\.bass\.pan is 3; allowed is less than or equal to 1"),
        ('{"stems": {"bass": {"pan": "left"}}}', r"plan\.stems\.bass\.pan is 'left'; allowed is number"),
        ('{"stems": {"bas": {"pan": 0}}}', r"plan\.stems\.bas is 'bas'; allowed is 'drums', 'bass', 'chords'"),
        ('{"stems": {"bass": {"paan": 0}}}', r"plan\.stems\.bass\.paan is no field; allowed are level_lu, mute, pan"),
        ('{"stems": {"bass": 7}}', r"plan\.stems\.bass is 7; allowed is an object"),
        ('{"stems": {"bass": {"duck": {}}}}', r"plan\.stems\.bass\.duck\.depth_db is missing"),
        ('{"stems": {"bass": {"duck": {"depth": 1}}}}', r"duck\.depth is no field; allowed are by, depth_db"),
        (
            '{"stems": {"lead": {"eq": [{"kind": "bell", "hz": 1000}, {"kind": "notch", "hz": 50}]}}}',
            r"plan\.stems\.lead\.eq\[1\]\.kind is 'notch'; allowed is 'low_cut', 'high_cut'",
        ),
        ('{"stems": {"lead": {"eq": [{"freq": 50}]}}}', r"eq\[0\]\.freq is no field; allowed are kind, hz, db, q"),
        ('{"reverb": {"seconds": 900}}', r"plan\.reverb\.seconds is 900; allowed is less than or equal to 8"),
        ('{"loudness_lufs": NaN}', r"plan\.loudness_lufs is .*; allowed is"),
    ],
)
def test_a_bad_plan_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_plan(MixPlan, text)
