import json
from dataclasses import replace

import pytest
from search_examples import points

import metanas
from metanas import __version__
from metanas.errors import InputError
from metanas.experience import Experience
from metanas.search.folder import ARRAYS, FILE, Run, arrays_folder, at_work, make_folder, move_store, owned, read_run, seconds_spent

RUN = Run(
    "ab12", "store.db", "f" * 32, None, "accuracy", "random", "mlp", 3, 1, "cpu", 900, None, 14, ("ops.py",), {"group": 3}, ("a note",)
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Of a search that was cut off."""
    path = tmp_path / "run"
    path.mkdir()
    RUN.write(path)
    return path


def altered(folder, **changes):
    record = json.loads((folder / FILE).read_text()) | changes
    (folder / FILE).write_text(json.dumps({k: v for k, v in record.items() if v is not ...}))


def test_what_was_asked_for_is_read_back(folder):
    assert read_run(folder) == RUN
    planned = RUN.planned({"group": 16})
    planned.write(folder)
    assert read_run(folder) == replace(RUN, plan={"group": 16})
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_a_folder_without_a_search_is_refused(tmp_path):
    for nothing in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match="holds no search to resume"):
            metanas.resume(nothing)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"metanas": "0.9.7"}, r"written by metanas 0\.9\.7 .*pip install metanas==0\.9\.7"), ({"schema": 99}, "written by metanas")],
)
def test_a_folder_of_another_version_is_refused(folder, changes, words):
    altered(folder, **changes)
    with pytest.raises(InputError, match=words):
        metanas.resume(folder)


def test_patch_releases_read_each_other(folder):
    altered(folder, metanas=".".join(__version__.split(".")[:2]) + ".999")
    assert read_run(folder) == RUN


@pytest.mark.parametrize("damage", [{"seed": ...}, {"metanas": ...}, {"metanas": 7}, {"plugins": None}, {"surprise": 1}, {"notes": 3}])
def test_a_damaged_folder_is_refused(folder, damage):
    altered(folder, **damage)
    with pytest.raises(InputError, match="is damaged and can't be resumed"):
        read_run(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\xff"])
def test_a_file_that_is_no_run_is_refused(folder, text):
    (folder / FILE).write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match="is damaged and can't be resumed"):
        read_run(folder)


def test_a_finished_search_is_not_resumed(folder):
    (folder / "result.json").write_text("{}")
    with pytest.raises(InputError, match="has ended"):
        metanas.resume(folder)


def test_arrays_must_be_given_again_and_be_the_same(folder):
    with pytest.raises(InputError, match=r"metanas\.resume\(folder, task=\.\.\.\)"):
        metanas.resume(folder)
    with pytest.raises(InputError, match="the data of points have changed since the search"):
        metanas.resume(folder, task=points(90))


def test_changed_files_are_noticed(folder, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("a,b,label\n" + "".join(f"{i},{i % 7},{'xy'[i % 2]}\n" for i in range(60)))
    altered(folder, source={"source": str(table), "target": "label"})
    with pytest.raises(InputError, match="the data of table have changed"):
        metanas.resume(folder)


def test_a_plugin_that_is_gone_is_named(folder):
    altered(folder, fingerprint=points(90).fingerprint, plugins=["/nowhere/ops.py"])
    with pytest.raises(InputError, match=r"this search needs /nowhere/ops\.py, which can't be imported"):
        metanas.resume(folder, task=points(90))


# -- folders of new runs -----------------------------------------------------------------------------------------------------


def test_names_are_made_of_the_tasks_and_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = [make_folder(None, name) for name in ("my data (1)", "my data (1)", "../../etc", "", "my data (1)")]
    assert [str(path) for path in made] == ["runs/my-data-1", "runs/my-data-1-2", "runs/etc", "runs/run", "runs/my-data-1-3"]
    assert all(path.is_dir() for path in made)


def test_out_is_made_with_its_parents_or_taken_if_empty(tmp_path):
    deep = tmp_path / "a" / "b"
    assert make_folder(deep, "x") == deep
    assert make_folder(deep, "x") == deep
    assert list(deep.iterdir()) == []


def test_what_is_there_is_not_overwritten(folder, tmp_path):
    with pytest.raises(
        InputError, match=r"is not empty, and nothing of yours is overwritten: choose another --out; `metanas resume .*run` goes on"
    ):
        make_folder(folder, "x")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"choose another --out$"):
        make_folder(tmp_path, "x")
    with pytest.raises(InputError, match="is a file"):
        make_folder(tmp_path / "notes.txt", "x")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_finished_folder_is_not_said_to_go_on(folder):
    (folder / "result.json").write_text("{}")
    with pytest.raises(InputError, match=r"the search in it has ended, and `metanas predict .*run NEW_DATA` uses its network"):
        make_folder(folder, "x")


def test_arrays_stand_in_the_runs_folder_and_those_of_a_killed_search_go(folder):
    (folder / ARRAYS).mkdir()
    (folder / ARRAYS / "old.npy").write_text("left by a killed search")
    with arrays_folder(folder) as place:
        assert place.parent == folder.resolve()
        assert list(place.iterdir()) == []
        (place / "new.npy").write_text("")
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_a_folder_has_one_owner(folder):
    assert not at_work(folder)
    with owned(folder):
        assert at_work(folder)
        with pytest.raises(InputError, match="another process is at work on the search in"), owned(folder):
            pass
    assert not at_work(folder)
    assert not at_work(folder / "nowhere")


def test_a_moved_store_is_noted_if_it_holds_the_search(folder, tmp_path):
    with Experience(tmp_path / "moved.db") as experience:
        experience.add_task("f" * 32, points(90).describe())
        identity = experience.start_search("f" * 32, strategy="random", space="mlp", metric="accuracy", seed=3)
        experience.finish_search(identity, "interrupted", elapsed=12.5)
    with pytest.raises(InputError, match="there is no store"):
        move_store(folder, str(tmp_path / "nowhere.db"))
    with pytest.raises(InputError, match="has no search 'ab12'"):
        move_store(folder, str(tmp_path / "moved.db"))
    assert read_run(folder) == RUN
    altered(folder, search=identity)
    with pytest.raises(InputError, match=r"store\.db, in which .* is not there; name its place with --store"):
        seconds_spent(folder, read_run(folder))
    move_store(folder, str(tmp_path / "moved.db"))
    assert seconds_spent(folder, read_run(folder)) == 12.5


def test_folders_that_can_not_be_made_are_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't write into the folder"):
        make_folder(tmp_path / "file" / "out", "x")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="can't write into the folder runs"):
        make_folder(None, "x")


def test_a_folder_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    from pathlib import Path

    def denied(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    for method in ("touch", "iterdir"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, method, denied)
            with pytest.raises(InputError, match=r"can't write into the folder .* \(Permission denied\); choose another --out"):
                make_folder(tmp_path, "x")


def test_a_search_that_cannot_begin_leaves_no_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    for out in (None, "deep/er/out", "mine/out"):
        with pytest.raises(InputError, match="is a folder"):
            metanas.search(points(), trials=1, workers=0, out=out, store=tmp_path)
    assert [p.name for p in tmp_path.rglob("*")] == ["mine"]


def test_an_unknown_device_is_refused_in_one_short_sentence(tmp_path):
    with pytest.raises(InputError) as refused:
        metanas.search(points(), trials=1, device="abacus", out=tmp_path / "out", store=False)
    assert str(refused.value) == "this machine can't compute on device 'abacus'; choose --device cpu"
    assert not (tmp_path / "out").exists()
