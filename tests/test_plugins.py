import json
import subprocess
import sys
from pathlib import Path

import pytest

from metanas.errors import InputError
from metanas.networks.registry import builders
from metanas.plugins import homes, import_plugin
from metanas.spaces import TaskShape, make_space
from metanas.spaces import registry as space_registry
from metanas.spaces.chosen import choose_space

TABLE = TaskShape("table", (4,), 3, numeric=4)
IMAGE = TaskShape("image", (1, 8, 8), 2)
SPACE = """
from metanas.spaces import Draft, register_space

@register_space("{name}", "{data}")
def make(shape):
    draft = Draft()
    if shape.data == "image":
        draft.node("flat", "flatten", ["input"])
    draft.node("head", "dense", ["flat" if shape.data == "image" else "input"], units=shape.outputs)
    draft.recipe()
    return draft.space("{name}", shape, {{}})
"""


@pytest.fixture(autouse=True)
def own_spaces(monkeypatch):
    monkeypatch.setattr(space_registry, "_SPACES", dict(space_registry._SPACES))


def written(path, *spaces):
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(
        "\n".join(SPACE.format(name=name, data=data).replace("def make", f"def make_{i}") for i, (name, data) in enumerate(spaces))
    )
    return str(path)


# -- importing ---------------------------------------------------------------------------------------------------------------


def test_a_file_is_run_once(tmp_path):
    counting = tmp_path / "counting.py"
    counting.write_text(
        "from pathlib import Path\nmarks = Path(__file__).with_suffix('.txt')\nwith marks.open('a') as file:\n    file.write('x')\n"
    )
    first = import_plugin(str(counting))
    assert import_plugin(str(tmp_path / ".." / tmp_path.name / "counting.py")) is first
    assert (tmp_path / "counting.txt").read_text() == "x"


def test_files_of_one_name_in_two_folders_are_two_plugins(tmp_path):
    for number in (1, 2):
        path = tmp_path / str(number) / "mine.py"
        path.parent.mkdir()
        path.write_text(f"NUMBER = {number}\n")
    assert [import_plugin(str(tmp_path / str(n) / "mine.py")).NUMBER for n in (1, 2)] == [1, 2]


def test_half_of_a_plugin_is_none(tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError('not yet')\n")
    with pytest.raises(RuntimeError, match="not yet"):
        import_plugin(str(broken))
    broken.write_text("READY = True\n")
    assert import_plugin(str(broken)).READY


def test_modules_are_imported_by_name_and_what_is_missing_is_an_import_error(tmp_path):
    assert import_plugin("json").dumps([]) == "[]"
    with pytest.raises(ImportError):
        import_plugin("no_such_module_anywhere")
    with pytest.raises((ImportError, FileNotFoundError)):
        import_plugin(str(tmp_path / "missing.py"))


# -- what workers must import ------------------------------------------------------------------------------------------------


def test_what_metanas_builds_itself_needs_no_import():
    own = [b for b in builders() if b.__module__.startswith("metanas.")]
    assert len(own) > 10
    assert homes(own) == ()


def test_plugins_are_told_by_their_files_and_modules_by_their_names(tmp_path):
    path = tmp_path / "ops.py"
    path.write_text("def first(): pass\ndef second(): pass\n")
    module = import_plugin(str(path))
    assert homes([module.first, module.second, subprocess.list2cmdline]) == (str(path.resolve()), "subprocess")


def test_functions_of_a_script_or_of_nowhere_can_not_be_imported(tmp_path):
    def local():
        pass

    local.__module__ = "__main__"
    assert homes([local]) is None
    local.__module__ = "made_up_while_running"
    assert homes([local]) is None
    script = tmp_path / "script.py"
    script.write_text("from metanas.plugins import homes\ndef mine(): pass\nprint(homes([mine]))\n")
    out = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert out.stdout == "None\n"


# -- choosing a space --------------------------------------------------------------------------------------------------------


def test_names_choose_and_none_takes_the_default():
    assert choose_space("mlp", TABLE).space.name == "mlp"
    for given in (None, "mlp"):
        chosen = choose_space(given, TABLE)
        assert (chosen.space.name, chosen.reference, chosen.plugins) == ("mlp", "mlp", ())


def test_a_function_chooses_without_a_reference():
    chosen = choose_space(lambda shape: make_space("mlp", shape), TABLE)
    assert (chosen.space.name, chosen.reference) == ("mlp", "")


def test_a_file_chooses_the_space_that_it_registers_again_and_again_and_from_any_folder(tmp_path, monkeypatch):
    path = written(tmp_path / "one.py", ("plugin_one", "table"))
    monkeypatch.chdir(tmp_path)
    chosen = choose_space("one.py", TABLE)
    assert chosen.space.name == "plugin_one"
    assert chosen.plugins == (path,)
    monkeypatch.chdir("/")
    assert choose_space(chosen.reference, TABLE).reference == chosen.reference
    assert choose_space(path, TABLE).space.name == "plugin_one"


def test_of_several_spaces_in_a_file_the_named_one_or_the_first_that_suits_the_data(tmp_path):
    path = written(tmp_path / "several.py", ("plugin_pictures", "image"), ("plugin_table", "table"), ("plugin_other", "table"))
    assert choose_space(path, TABLE).space.name == "plugin_table"
    assert choose_space(path, IMAGE).space.name == "plugin_pictures"
    assert choose_space(f"{path}:plugin_other", TABLE).space.name == "plugin_other"
    with pytest.raises(InputError, match="space 'plugin_pictures' does not take table data"):
        choose_space(f"{path}:plugin_pictures", TABLE)
    with pytest.raises(InputError, match="there is no space named 'plugin_tabel'; did you mean 'plugin_table'"):
        choose_space(f"{path}:plugin_tabel", TABLE)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no file .*mine.py to take a space from"),
        ("x = 1\n", "registers no space; put @register_space"),
        ("import no_such_module_anywhere\n", "can't be imported: ModuleNotFoundError"),
        ("def broken(:\n", "can't be imported: SyntaxError"),
        (SPACE.format(name="mlp", data="table"), "can't be imported: ValueError: a space named 'mlp' exists already"),
    ],
)
def test_files_that_give_no_space_are_refused(content, words, tmp_path):
    path: Path = tmp_path / "mine.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=words):
        choose_space(str(path), TABLE)


def test_predicting_imports_the_files_that_the_run_took(tmp_path):
    from metanas.cli import _import_own

    mark = tmp_path / "imported"
    (tmp_path / "own.py").write_text(f"from pathlib import Path\nPath({str(mark)!r}).touch()\n")
    (tmp_path / "run.json").write_text(json.dumps({"plugins": [str(tmp_path / "own.py")]}))
    _import_own(tmp_path)
    assert mark.exists()
    (tmp_path / "run.json").write_text(json.dumps({"plugins": [str(tmp_path / "absent.py")]}))
    with pytest.raises(InputError, match=r"the network needs .*absent\.py, which can't be imported"):
        _import_own(tmp_path)
    (tmp_path / "run.json").write_text("not json")
    _import_own(tmp_path)  # loading the model says what is wrong
