import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

from experience_examples import FINGERPRINT, candidate, description, evaluation, numbered, recorded, start

from metanas.experience import Experience

WRITER = Path(__file__).with_name("store_writer.py")


def writer(path: Path, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WRITER), str(path), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_make_and_share_a_store(path):
    processes = [writer(path, 200) for _ in range(3)]
    for process in processes:  # they wait with loaded modules, so that they meet at the new file
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
    with Experience(path) as experience:
        assert [s.trials for s in experience.searches()] == [200, 200, 200]
        assert len(experience.tasks()) == 1
        for search in experience.searches():
            assert [e.metrics["accuracy"] for e in experience.evaluations(search.id)] == [n / 7 for n in range(200)]


def test_nothing_that_was_recorded_is_lost_by_a_kill(path):
    process = writer(path, 100_000)
    process.stdin.write("go\n")
    process.stdin.flush()
    search = process.stdout.readline().strip()
    for _ in range(150):
        process.stdout.readline()
    process.kill()
    said = 150 + len(process.stdout.readlines())
    process.communicate()
    with Experience(path) as experience:
        found = experience.evaluations(search)
        assert [e.proposal.id for e in found] == list(range(len(found)))
        assert said <= len(found) <= said + 1  # one may be written and not yet said
        assert experience.search(search).elapsed == float(len(found))
        recorded(experience, search, numbered(candidate(0), len(found)))
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_threads_share_a_store_object(experience):
    search, known = start(experience), evaluation(candidate(0))
    errors: list[Exception] = []

    def work(first: int) -> None:
        try:
            for number in range(first, 200, 4):
                again = numbered(candidate(0), number)
                experience.record(search, FINGERPRINT, known.for_proposal(again.proposal), again, float(number))
                assert experience.find(FINGERPRINT, again) is not None
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert experience.search(search).reused == 200
    assert experience.tasks()[0].description == description()
