"""The kept behaviour of the part http."""

from __future__ import annotations

from tests.kept.checks import checks_of

test_kept, test_every_case_is_recorded, test_every_change_is_there = checks_of("http")
