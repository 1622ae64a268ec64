import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from experience_examples import FINGERPRINT, candidate, description, evaluation, recorded, start

import metanas.experience
from metanas.errors import StoreError
from metanas.experience import Experience
from metanas.experience.tables import REVISIONS, VERSION_TABLE, metadata

OLD = Path(__file__).parent / "stores"
MIGRATIONS = Path(metanas.experience.__file__).parent / "migrations"


def refusal(where: str | Path) -> str:
    with pytest.raises(StoreError) as caught:
        Experience(where).close()
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_the_code_knows_the_revisions_of_the_migrations():
    script = ScriptDirectory(str(MIGRATIONS))
    assert tuple(r.revision for r in script.walk_revisions())[::-1] == REVISIONS


def test_migrations_make_the_tables_that_the_code_describes(experience):
    with experience._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("dump", sorted(OLD.glob("*.sql")), ids=lambda dump: dump.stem)
def test_older_stores_open(path, dump):
    with sqlite3.connect(path) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    connection.close()
    with Experience(path) as experience:
        (search,) = experience.searches()
        assert (search.task_name, search.status, search.trials, search.failures, search.best) == ("iris", "finished", 3, 1, 0.1 + 0.2)
        assert [e.proposal.id for e in experience.evaluations(search.id)] == [0, 1, 2]
        assert experience.tasks()[0].description == description()
        answer = experience.find(FINGERPRINT, candidate(0))
        assert answer is not None
        assert answer.metrics == {"accuracy": 0.1 + 0.2, "cross_entropy": 5e-324}
        recorded(experience, start(experience), candidate(9))


def test_every_revision_has_an_old_store():
    assert {dump.stem for dump in OLD.glob("*.sql")} == set(REVISIONS)


def test_newer_stores_are_refused(path):
    Experience(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    connection.close()
    assert "newer version of MetaNAS" in refusal(path)


def test_a_folder_is_refused(tmp_path):
    assert "is a folder" in refusal(tmp_path)


def test_other_files_are_refused_and_left_alone(path):
    path.write_bytes(b"my thesis, in full" * 1000)
    assert "is no database" in refusal(path)
    assert path.read_bytes() == b"my thesis, in full" * 1000


def test_other_programs_databases_are_refused_and_left_alone(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (id INTEGER)")
    connection.close()
    before = path.read_bytes()
    assert "another program's tables (recipes)" in refusal(path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    assert "can't be made" in refusal(tmp_path / "file" / "store.db")


def test_a_damaged_store_is_refused(path):
    Experience(path).close()
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 8000)
    assert "is damaged" in refusal(path)


def test_a_read_only_store_is_refused(path):
    Experience(path).close()
    assert "read-only" in refusal(f"sqlite:///file:{path}?mode=ro&uri=true")


def test_a_file_that_may_not_be_opened_is_refused(tmp_path):
    assert "can't be opened" in refusal(f"sqlite:///file:{tmp_path}/none.db?mode=rw&uri=true")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nosuch://host/db", "no database of the kind 'nosuch'"),
        ("://", "no database URL"),
        ("oracle+nosuch://a:secret@host/db", "oracle+nosuch"),
    ],
)
def test_addresses_without_a_database_are_refused(url, words):
    sentence = refusal(url)
    assert words in sentence
    assert "secret" not in sentence


def test_a_missing_driver_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "pip install psycopg" in refusal("postgresql+psycopg://ada@host/nas")


def test_a_full_disk_is_explained(path):
    with Experience(path) as experience:
        experience.add_task(FINGERPRINT, description())
        search = start(experience)

        @sqlalchemy.event.listens_for(experience._engine, "begin")
        def limit(connection: sqlalchemy.Connection) -> None:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")

        group = [(evaluation(c), c) for c in map(candidate, range(100))]
        with pytest.raises(StoreError, match="the disk is full; make room"):
            experience.record_many(search, FINGERPRINT, group, elapsed=1.0)


def test_a_busy_store_is_explained(path):
    with Experience(path) as experience, Experience(path) as other, other._writer.begin():
        with experience._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout = 10").close()
        with pytest.raises(StoreError, match="another process has kept it locked"):
            experience.add_task(FINGERPRINT, description())


def test_readers_do_not_wait_for_a_writer(path):
    with Experience(path) as experience, Experience(path) as other, other._writer.begin():
        assert experience.searches() == []


def test_importing_loads_neither_torch_nor_migrations():
    code = "import sys, metanas.experience; print([m for m in ('torch', 'alembic', 'sklearn', 'pandas') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
