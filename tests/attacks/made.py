"""Values that Hypothesis makes; the same ones every time."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

QUIET = settings(
    max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([10**40, -(2**63), 1e308])
SCALARS = (
    st.none() | st.booleans() | NUMBERS | st.text() | st.sampled_from(["../x", "/etc/passwd", "a\nb", "\x07", "{{x}}"])
)


def values() -> st.SearchStrategy[Any]:
    """Anything that YAML and JSON can say."""
    return st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    )
