import json
import os
import queue
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from search_examples import points

from metanas.errors import MetaNASError
from metanas.records import Candidate, Fidelity, Proposal
from metanas.search import executors, processes
from metanas.search.executors import NO_RESULT, InlineExecutor, LocalExecutor
from metanas.search.processes import WorkerProcess, ending
from metanas.search.session import Hello, Session
from metanas.spaces import Architecture, Graph, Node

FOREVER = float("inf")


@pytest.fixture(scope="module")
def hello(tmp_path_factory, troublesome):
    folder = tmp_path_factory.mktemp("arrays")
    points().prepare()[0].save(folder)
    return Hello(str(folder), plugins=(troublesome,))


@pytest.fixture(scope="module")
def workers(hello):
    """Two real ones, shared by tests that leave them without jobs."""
    executor = LocalExecutor(2, hello)
    yield executor
    executor.close()


@pytest.fixture(scope="module")
def inline(hello):
    return InlineExecutor(Session(hello))


def candidate(number, middle="well_behaved", units=4, epochs=2):
    shape = points().prepare()[0].shape
    nodes = [Node("hidden", "dense", (("units", units),), ("input",)), Node("middle", middle, (), ("hidden",))]
    graph = Graph(shape, (*nodes, Node("head", "dense", (("units", 3),), ("middle",))))
    return Candidate(
        Proposal(number, Architecture("test", (("middle", middle),)), Fidelity(epochs)), graph, {"learning_rate": 0.01}, number
    )


def collected(executor, count, seconds=60.0):
    """That many evaluations by number; a test that waits longer has failed."""
    found, end = {}, time.monotonic() + seconds
    while len(found) < count and time.monotonic() < end:
        for evaluation in executor.results(1.0):
            assert evaluation.proposal.id not in found
            found[evaluation.proposal.id] = evaluation
    assert len(found) == count
    return found


def called(executor, job, deadline=FOREVER, seconds=60.0):
    heard, end = {}, time.monotonic() + seconds
    executor.call(job, deadline, heard.update)
    while not heard.keys() & {"step", "trained", "reason"} and time.monotonic() < end:
        assert executor.results(1.0) == []
    return heard


def until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def gone(pid):
    """Whether a process has ended (a zombie has)."""
    status = Path(f"/proc/{pid}/stat")
    if status.exists():
        return status.read_text().rpartition(")")[2].split()[0] == "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_workers_and_this_process_come_to_the_same_numbers(workers, inline):
    group = [candidate(0), candidate(1, units=8), candidate(2, units=16)]
    for executor in (workers, inline):
        executor.submit(group[:2], FOREVER)
        executor.submit(group[2:], FOREVER)
    found = collected(workers, 3)
    assert {e.proposal.id: e.metrics for e in found.values()} == {n: e.metrics for n, e in collected(inline, 3).items()}
    assert all(e.reason is None and e.duration > 0 for e in found.values())


@pytest.mark.parametrize("kind", ["workers", "inline"])
def test_candidates_that_fail_are_reported_with_a_reason_in_plain_words(kind, request):
    executor = request.getfixturevalue(kind)
    executor.submit([candidate(0, "refuses"), candidate(1, "gives_nonsense"), candidate(2), candidate(3, "unheard_of")], FOREVER)
    found = collected(executor, 4)
    assert found[0].reason == "could not be trained: this network refuses its input"
    assert found[1].reason.startswith("diverged: ")
    assert found[2].reason is None
    assert "no operation named 'unheard_of'" in found[3].reason


def test_of_a_group_whose_worker_is_killed_each_is_tried_alone_and_the_culprit_fails(workers):
    before = set(workers.processes)
    workers.submit([candidate(0), candidate(1, "kills_itself"), candidate(2, units=8)], FOREVER)
    found = collected(workers, 3)
    assert found[1].reason == "the process that trained it was killed, most likely for lack of memory"
    assert found[1].seed == 1
    assert found[0].reason is found[2].reason is None
    assert len(set(workers.processes) & before) < 2
    assert len(workers.processes) == 2


def test_a_candidate_takes_no_longer_than_it_may(workers):
    workers.submit([candidate(0, epochs=100_000)], FOREVER, 0.3)
    assert collected(workers, 1)[0].reason == "took longer than 0.3 s"


def test_a_worker_that_overstays_its_deadline_is_replaced_and_what_it_did_gives_no_evaluation(workers, monkeypatch):
    monkeypatch.setattr(executors, "GRACE", 0.5)
    before = set(workers.processes)
    workers.submit([candidate(0, "oversleeps"), candidate(1)], time.monotonic() + 0.5)
    end = time.monotonic() + 20
    while set(workers.processes) == before and time.monotonic() < end:
        assert workers.results(0.2) == []
    assert len(set(workers.processes) & before) == 1
    workers.submit([candidate(2)], FOREVER)
    assert collected(workers, 1)[2].reason is None


def test_what_is_dropped_gives_nothing_any_more_and_later_jobs_are_done(workers):
    workers.submit([candidate(0, "oversleeps")], FOREVER)
    for number in range(1, 4):
        workers.submit([candidate(number, "oversleeps")], FOREVER)
    workers.drop()
    workers.submit([candidate(9)], FOREVER)
    assert list(collected(workers, 1)) == [9]
    workers.drop(5.0)  # nothing runs, so that nothing is waited for
    assert workers.results(0.0) == []


def test_a_drop_with_patience_leaves_workers_alone_that_end_by_themselves(workers):
    before = workers.processes
    workers.submit([candidate(0, epochs=100_000)], time.monotonic() + 0.5)
    workers.drop(30.0)
    assert workers.processes == before


@pytest.mark.parametrize("kind", ["workers", "inline"])
def test_steps_are_timed_and_networks_trained_for_good(kind, request, tmp_path):
    executor = request.getfixturevalue(kind)
    assert 0 < called(executor, {"do": "time", "candidates": [candidate(0).to_json(), candidate(1, units=8).to_json()]})["step"] < 10
    job = {"do": "train", "epochs": 2.0, "deadline": FOREVER, "out": str(tmp_path / "weights.safetensors")}
    heard = called(executor, {**job, "candidate": candidate(0).to_json()})
    assert heard["trained"]["epochs"] == pytest.approx(2.0, abs=0.2)
    assert (tmp_path / "weights.safetensors").stat().st_size > 100


@pytest.mark.parametrize("kind", ["workers", "inline"])
def test_jobs_that_can_not_be_done_are_answered_by_a_reason(kind, request, tmp_path):
    executor = request.getfixturevalue(kind)
    refused = candidate(0, "refuses").to_json()
    reason = "could not be trained: this network refuses its input"
    assert called(executor, {"do": "time", "candidates": [refused]})["reason"] == reason
    job = {"do": "train", "epochs": 2.0, "deadline": FOREVER, "out": str(tmp_path / "weights"), "candidate": refused}
    assert called(executor, job)["reason"] == reason


def test_a_final_training_whose_worker_dies_is_answered_by_a_reason(workers, tmp_path):
    job = {
        "do": "train",
        "epochs": 2.0,
        "deadline": FOREVER,
        "out": str(tmp_path / "w"),
        "candidate": candidate(0, "kills_itself").to_json(),
    }
    assert "was killed" in called(workers, job)["reason"]


def test_closing_ends_all_processes_at_once_and_twice_is_no_harm(hello):
    executor = LocalExecutor(2, hello)
    executor.submit([candidate(0, "oversleeps")], FOREVER)
    pids = executor.processes
    executor.close()
    assert all(gone(pid) for pid in pids)
    executor.close()
    assert executor.processes == []


def test_a_plugin_that_can_not_be_imported_is_told(hello, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError('half finished')\n")
    executor = LocalExecutor(1, Hello(hello.data, plugins=(str(broken),)))
    with pytest.raises(MetaNASError, match="a worker process could not start: RuntimeError: half finished"):
        executor.results(60.0)
    executor.close()


ORPHAN = """
import sys, time
from metanas.plugins import import_plugin
from metanas.search.executors import LocalExecutor
from metanas.search.session import Hello
import test_executors as tests
import_plugin(sys.argv[2])
executor = LocalExecutor(2, Hello(sys.argv[1], plugins=(sys.argv[2],)))
executor.submit([tests.candidate(0), tests.candidate(1, "oversleeps")], float("inf"))
executor.submit([tests.candidate(2)], float("inf"))
tests.collected(executor, 2)  # one worker sleeps in the middle of a job, the other waits for one
print(*executor.processes, flush=True)
time.sleep(600)
"""


def test_workers_end_when_the_search_is_killed(hello):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", ORPHAN, hello.data, hello.plugins[0]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert not any(gone(pid) for pid in pids)
        parent.kill()
    assert until(lambda: all(gone(pid) for pid in pids))


def played(monkeypatch, script):
    """Workers that are this Python script instead."""
    real = subprocess.Popen
    monkeypatch.setattr(processes.subprocess, "Popen", lambda command, **options: real([sys.executable, "-c", script], **options))


def test_a_line_that_death_cuts_off_is_the_end_of_what_is_heard(monkeypatch):
    played(monkeypatch, "print('{\"done\": true}'); print('{\"evaluation\": {\"prop', end='', flush=True)")
    heard = queue.SimpleQueue()
    worker = WorkerProcess({}, heard)
    assert [heard.get(timeout=30)[1] for _ in range(2)] == [{"done": True}, None]
    worker.end()


def test_workers_that_never_get_ready_end_the_search(monkeypatch, hello):
    played(monkeypatch, "import sys; sys.exit(3)")
    executor = LocalExecutor(2, hello)
    executor.submit([candidate(0)], FOREVER)
    with pytest.raises(MetaNASError, match="end while they start: the last one ended with exit code 3; try --workers 0"):
        executor.results(60.0)
    executor.close()


def test_a_job_that_waits_for_a_worker_to_get_ready_is_not_to_blame_for_its_death(monkeypatch, hello, tmp_path):
    """The first worker dies while it starts; the second one answers."""
    answer = {"evaluation": {**_evaluation(candidate(0)), "metrics": {"accuracy": 0.5}}}
    played(
        monkeypatch,
        f"""
import json, pathlib, sys
sys.stdin.readline()
first = pathlib.Path({str(tmp_path / "first")!r})
if not first.exists():
    first.touch()
    sys.exit(9)
print(json.dumps({{"ready": True}}), flush=True)
sys.stdin.readline()
print({json.dumps(json.dumps(answer))}, flush=True)
print(json.dumps({{"done": True}}), flush=True)
sys.stdin.readline()
""",
    )
    executor = LocalExecutor(1, hello)
    executor.submit([candidate(0)], FOREVER)
    assert collected(executor, 1)[0].metrics == {"accuracy": 0.5}
    executor.close()


def test_a_job_that_ends_without_all_its_evaluations_is_a_failure_of_the_rest(monkeypatch, hello):
    says = [f"sys.stdin.readline(); print('{{\"{word}\": true}}', flush=True)" for word in ("ready", "done")]
    played(monkeypatch, "; ".join(["import sys", *says, "sys.stdin.readline()"]))
    executor = LocalExecutor(1, hello)
    executor.submit([candidate(0), candidate(1)], FOREVER)
    assert {e.reason for e in collected(executor, 2).values()} == {NO_RESULT}
    executor.close()


def _evaluation(of):
    from metanas.records import Evaluation

    return Evaluation(of.proposal).to_json()


def test_how_a_process_ended_in_words():
    assert ending(-signal.SIGKILL) == "was killed, most likely for lack of memory"
    assert ending(-signal.SIGSEGV) == "crashed with signal 11"
    assert ending(2) == "ended with exit code 2"
