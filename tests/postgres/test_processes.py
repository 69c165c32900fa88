"""Several processes over one database: what one takes over from another, and what each hears of the others."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from functools import partial

import pytest

from devserver.durable.lease import LEASE_S
from devserver.runs.cluster import BEAT_S
from tests.doubles.counting_host import submissions
from tests.doubles.postgres import Postgres
from tests.doubles.programs import Server
from tests.doubles.together import Listener, Together, until


@pytest.fixture(scope="module")
def together(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Together]:
    made = Together(tmp_path_factory.mktemp("together"), postgres.new_database())
    yield made
    made.close()


def at_work(together: Together, seed: int) -> tuple[str, str, str]:
    """A run that is submitted and goes on until its gate is opened: (run_id, who walks it, the other worker)."""
    web = together.web()
    together.worker("a"), together.worker("b")
    run_id = together.begin(web, seed)
    node = until(partial(together.walker, run_id), "nobody walks the run")
    until(partial(together.submitted, run_id), "it is not submitted")
    return run_id, node, "b" if node == "a" else "a"


def test_a_web_process_is_ready_once_there_is_a_worker_which_answers_for_itself_alone(together: Together) -> None:
    web = together.web()
    status, told = web.call("GET", "/ready")
    assert (status, told["problems"]) == (503, ["there is no worker: start one with --role worker"])
    worker = together.worker("a")
    until(lambda: web.call("GET", "/ready")[0] == 200, "it does not get ready")
    assert worker.call("GET", "/ready")[0] == worker.call("GET", "/metrics")[0] == 200
    assert worker.execute(input_text="x")[0] == worker.call("GET", "/api/runs")[0] == 404


def test_a_run_asked_for_at_a_web_process_is_walked_by_a_worker_and_answered(together: Together) -> None:
    together.worker("a")
    status, body = together.web().execute(
        input_text="x", schema="plain", output_config="takes", params={"gate": ""}, wait_timeout_s=60
    )
    assert status == 200, body
    assert body["media_output"]["media_stored"]
    served, content = together.web("web2").call("GET", body["media_output"]["url"])
    assert (served, content[:4]) == (200, b"RIFF")


def test_runs_spread_over_the_workers_but_a_backend_has_two_prompts_at_most(together: Together) -> None:
    web = together.web()
    together.worker("a"), together.worker("b")
    seeds = list(range(200, 206))
    runs = [together.begin(web, seed) for seed in seeds]
    sql = "SELECT run_id, held FROM tickets"
    until(lambda: len(together.rows(sql)) == len(runs), "not all wait for their turn")
    until(lambda: sum(map(bool, map(together.submitted, runs))) == 2, "two are not submitted")
    assert sum(row["held"] for row in together.rows(sql)) == 2
    assert {together.walker(run_id) for run_id in runs} == {"a", "b"}
    for seed in seeds:
        together.open(seed)
    assert [web.ended(run_id)[0] for run_id in runs] == [200] * len(runs)
    assert len([one for run_id in runs for one in submissions(together.log, run_id)]) == len(runs)


def test_events_come_to_every_web_process_in_one_order_and_are_resumed_at_another(together: Together) -> None:
    first, second = together.web(), together.web("web2")
    together.worker("a"), together.worker("b")
    listeners = [Listener(first), Listener(second)]
    runs = [together.begin(web, 300, gated=False) for web in (first, second) * 4]
    for listener in listeners:
        until(partial(listener.ended, *runs), "not all ends were heard")
    heard = [[event["seq"] for event in listener.stored()] for listener in listeners]
    assert heard[0] == heard[1] == sorted(set(heard[0]))
    for listener in listeners:  # what is not stored is heard of every run too, wherever it is walked
        until(lambda: {e["run_id"] for e in listener.events if e["kind"] == "progress"} >= set(runs), "no progress")  # noqa: B023
    middle = listeners[0].stored()[len(heard[0]) // 2]["seq"]
    resumed = Listener(second, after=middle)
    rest = [seq for seq in heard[0] if seq > middle]
    until(lambda: len(resumed.stored()) >= len(rest), "the rest does not come")
    assert [event["seq"] for event in resumed.stored()][: len(rest)] == rest
    for listener in (*listeners, resumed):
        listener.close()


def test_a_cancel_at_a_web_process_reaches_the_worker_and_its_backend(together: Together) -> None:
    run_id, _, _ = at_work(together, 400)
    prompt_id = together.submitted(run_id)
    web = together.web("web2")
    assert web.call("POST", f"/api/runs/{run_id}/cancel")[0] == 200
    assert web.ended(run_id)[1]["status"] == "cancelled"
    assert prompt_id not in together.running_at_the_host()
    assert not together.rows("SELECT * FROM tickets")


def test_a_run_of_a_dead_worker_is_looked_for_in_time_to_begin_within_five_seconds() -> None:
    assert LEASE_S + BEAT_S < 5.0


def test_a_killed_workers_run_is_taken_over_and_submitted_once(together: Together) -> None:
    run_id, node, other = at_work(together, 500)
    together.kill(node)
    until(lambda: together.walker(run_id) == other, "nobody takes the run over")
    together.open(500)
    status, body = together.web().ended(run_id)
    assert (status, body["media_output"]["metadata"]["attempts"]) == (200, 1)
    assert len(submissions(together.log, run_id)) == 1
    assert not list(together.exports.glob("*/*.part"))


def test_a_frozen_worker_that_wakes_up_harms_nothing_and_goes_on_with_new_runs(together: Together) -> None:
    web = together.web()
    run_id, node, other = at_work(together, 600)
    together.freeze(node)
    until(lambda: together.walker(run_id) == other, "nobody takes the run over")
    tickets = together.rows("SELECT * FROM tickets WHERE run_id = %s", run_id)
    together.thaw(node)
    until(lambda: _walked_by(together, node) == 0, "it has not noticed")
    assert together.rows("SELECT * FROM tickets WHERE run_id = %s", run_id) == tickets
    assert together.submitted(run_id) in together.running_at_the_host()
    together.open(600)
    assert web.ended(run_id)[1]["status"] == "success"
    assert [attempt["state"] for attempt in web.run(run_id)["stages"][-1]["attempts"]] == ["success"]
    assert len(submissions(together.log, run_id)) == 1
    assert not list(together.exports.glob("*/*.part"))
    together.freeze(other)  # which of two idle workers takes a run is up to chance
    assert _ended_by(together, web, 610) == node, "it walks new runs"
    together.thaw(other)


def test_a_worker_that_slept_through_its_runs_end_leaves_its_record_alone(together: Together) -> None:
    run_id, node, other = at_work(together, 700)
    together.freeze(node)
    together.open(700)
    status, body = together.web().ended(run_id)
    folder = together.exports / run_id
    kept = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    together.thaw(node)
    until(lambda: _walked_by(together, node) == 0, "it has not noticed")
    assert (status, together.rows("SELECT owner FROM runs WHERE run_id = %s", run_id)[0]["owner"][0]) == (200, other)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == kept
    assert body["media_output"]["metadata"]["attempts"] == 1


@pytest.mark.parametrize("point", ["half_copied", "before_final"])
def test_who_wakes_up_in_the_middle_of_a_file_leaves_the_other_ones_alone(together: Together, point: str) -> None:
    together.worker("a"), together.worker("b")
    together.points.arm(point)
    run_id = together.begin(together.web(), 710, gated=False)
    together.points.wait()
    node = together.walker(run_id)
    assert together.web().ended(run_id)[0] == 200
    folder = together.exports / run_id
    kept = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    together.thaw(node)
    until(lambda: _walked_by(together, node) == 0, "it has not noticed")
    now = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    before, after = (files["metadata.json"].decode().splitlines() for files in (kept, now))
    assert now == kept, "\n".join(unified_diff(before, after, lineterm=""))
    assert not [name for name in kept if name.endswith(".part")]
    assert len(submissions(together.log, run_id)) == 1


def test_who_wakes_up_about_to_submit_takes_back_what_the_other_one_looked_for_in_vain(together: Together) -> None:
    together.worker("a"), together.worker("b")
    together.points.arm("journalled")
    run_id = together.begin(together.web(), 720)
    together.points.wait()
    node = together.walker(run_id)
    second = until(partial(together.submitted, run_id, attempt=2), "the other one does not try again")
    together.thaw(node)
    until(lambda: _walked_by(together, node) == 0, "it has not noticed")
    assert together.running_at_the_host() == {second}
    together.open(720)
    assert together.web().ended(run_id)[0] == 200


def test_a_restart_of_the_database_is_told_and_the_runs_go_on(together: Together, postgres: Postgres) -> None:
    web = together.web()
    run_id, _, _ = at_work(together, 800)
    postgres.stop()
    try:
        status, told = web.execute(input_text="x", schema="plain", output_config="takes", wait=False)
        assert (status, told["error"]["code"]) == (503, "database_gone")
        assert "does not answer" in told["error"]["message"]
        together.open(800)
    finally:
        postgres.start()
    status, body = web.ended(run_id)
    assert status == 200, body
    assert len(submissions(together.log, run_id)) == 1


def _ended_by(together: Together, web: Server, seed: int) -> str:
    run_id = together.begin(web, seed, gated=False)
    assert web.ended(run_id)[0] == 200
    return str(together.rows("SELECT owner FROM runs WHERE run_id = %s", run_id)[0]["owner"]).partition("/")[0]


def _walked_by(together: Together, node: str) -> int:
    """How many runs a node's process says that it walks, in a beat after now."""
    sql = "SELECT walks, seen_at FROM processes WHERE node = %s ORDER BY seen_at DESC LIMIT 1"
    before = together.rows("SELECT epoch_now() AS now")[0]["now"]
    beat = until(lambda: [row for row in together.rows(sql, node) if row["seen_at"] > before], "no beat")
    return int(beat[0]["walks"])
