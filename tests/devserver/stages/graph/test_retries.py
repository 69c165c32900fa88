from __future__ import annotations

import uuid

from devserver.stages.graph.retries import Retries


def test_pauses_double_up_to_the_longest_and_differ_from_prompt_to_prompt() -> None:
    retries = Retries(first_pause_s=1.0, longest_pause_s=8.0)
    ids = [str(uuid.uuid5(uuid.NAMESPACE_URL, str(number))) for number in range(200)]
    for tries, whole_s in [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 8.0), (5000, 8.0)]:
        pauses = [retries.pause_s(tries, prompt_id) for prompt_id in ids]
        assert whole_s / 2 <= min(pauses) < 0.55 * whole_s
        assert 0.95 * whole_s < max(pauses) <= whole_s
    assert retries.pause_s(2, ids[0]) == retries.pause_s(2, ids[0]), "a restart waits for the same time"
