"""The file of a prior: what it keeps, and every way in which it may be broken."""

import json
from pathlib import Path

import numpy as np
import pytest
from prior_examples import described, space, store
from safetensors import safe_open

from metanas.errors import InputError
from metanas.experience import Experience
from metanas.meta.prior import LearnedPrior, learn, learning, lessons_from, load_prior, save_prior, taught_policy
from metanas.meta.prior import file as prior_file
from metanas.states import load_state, save_state


@pytest.fixture(scope="module")
def prior(tmp_path_factory) -> LearnedPrior:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "STEPS", 20)
        patch.setattr(learning, "FOLD_STEPS", 5)
        patch.setattr(taught_policy, "STEPS", 4)
        with Experience(store(tmp_path_factory.mktemp("stores") / "store.db", 3, 8)) as experience:
            return learn(lessons_from(experience), made="2026-01-02T03:04:05+00:00")


@pytest.fixture
def path(prior, tmp_path) -> Path:
    save_prior(tmp_path / "a.prior.safetensors", prior)
    return tmp_path / "a.prior.safetensors"


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_prior(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_all_comes_back(prior, path):
    again = load_prior(path)
    assert again.provenance == prior.provenance
    assert again.shortlist(space(), described(9), 8) == prior.shortlist(space(), described(9), 8)
    assert again.nearest(space(), described(1), 3) == prior.nearest(space(), described(1), 3)
    assert again.expected_gain(space()) == prior.expected_gain(space())
    asked = prior.shortlist(space(), described(9), 5)
    one, other = (p.surrogate(space(), described(9)).condition(asked[:2], np.arange(2.0), asked) for p in (prior, again))
    np.testing.assert_array_equal(one, other)


def test_the_same_prior_is_the_same_file(prior, path, tmp_path):
    assert save_prior(tmp_path / "b", load_prior(path)) == save_prior(tmp_path / "c", prior)


def test_what_is_in_the_file(path):
    """Statistics, choices and scores, with their provenance; the largest array is the surrogate's weights."""
    assert path.stat().st_size < prior_file.LARGEST
    with safe_open(path, framework="np") as file:
        record = json.loads(file.metadata()["metanas"])["state"]["prior"]
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    assert (record["schema"], record["made"], record["stores"]) == (2, "2026-01-02T03:04:05+00:00", 1)
    assert [task["name"] for task in record["spaces"]["mlp"]["tasks"]] == ["task0", "task1", "task2"]
    assert all(np.prod(shape) <= 128 * 200 for shape in shapes.values())


def test_truncated_files_are_refused(path):
    whole = path.read_bytes()
    for length in (0, 1, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert "truncated, damaged or something else" in refused(path)


def test_foreign_files_are_refused(path, tmp_path):
    for content in (b'{"a": 1}', b"\x00" * 1000, b"\xff" * 1000, "Grüße\n".encode() * 40):
        path.write_bytes(content)
        assert "is truncated, damaged or something else" in refused(path)
    save_state(path, {"meta_learner": {"method": "maml"}})
    assert "holds no prior, but something else of metanas" in refused(path)
    assert "there is no prior" in refused(tmp_path / "nowhere")
    assert "there is no prior" in refused(tmp_path)
    with path.open("wb") as file:
        file.truncate(prior_file.LARGEST + 1)
    assert "larger than 10 MB" in refused(path)


def changed(path: Path, change) -> Path:
    state = load_state(path)
    change(state["prior"])
    save_state(path, state)
    return path


def test_newer_ones_are_refused_and_say_what_to_do(path):
    assert "was written by metanas 7.1; update metanas" in refused(changed(path, lambda r: r.update(schema=99, version="7.1")))


def test_older_ones_open(path):
    """Written before there were some of the attributes, skills, policies, conditions of decisions, and provenance."""

    def older(record):
        for known in record["spaces"].values():
            known["embeddings"] = known["embeddings"][:, :-3]
            known["kernel"] = {n: (v[..., :-3] if n in ("embeddings", "middle", "width") else v) for n, v in known["kernel"].items()}
            del known["skill"], known["aware"], known["policy"]
            for decision in known["form"]["decisions"]:
                del decision["when"]
        record["attributes"] = record["attributes"][:-3]
        del record["stores"], record["seed"]

    found = load_prior(changed(path, older))
    assert len(found.shortlist(space(), described(4), 8)) == 8
    assert found.nearest(space(), described(1), 1)[0].name == "task1"
    assert found.surrogate(space(), described(4)) is not None
    assert found.policy(space(), described(4)) is None


def test_without_a_surrogate_that_has_a_name_the_rest_is_used(path, prior):
    """As in files that were written before surrogates had names, and knew tasks by the encoder."""

    def older(record):
        record["schema"] = 1
        for known in record["spaces"].values():
            del known["surrogate"]
            known["kernel"] = {"first.x": np.zeros((3, 3))}

    found = load_prior(changed(path, older))
    assert found.surrogate(space(), described(4)) is None
    assert found.nearest(space(), described(1), 3) == prior.nearest(space(), described(1), 3)
    assert len(found.shortlist(space(), described(4), 8)) == 8


def unknown_attribute(record):
    record["attributes"][0] = "colour of the cover"


def test_attributes_that_this_version_does_not_know_count_as_absent(path):
    assert load_prior(changed(path, unknown_attribute)).shortlist(space(), described(4), 8)


DAMAGE = {
    "no spaces": lambda r: r.pop("spaces"),
    "spaces of another type": lambda r: r.update(spaces=[1, 2]),
    "a schema that is no number": lambda r: r.update(schema="new"),
    "no form": lambda r: r["spaces"]["mlp"].pop("form"),
    "other decisions": lambda r: r["spaces"]["mlp"]["form"]["decisions"].pop(),
    "codes without options": lambda r: r["spaces"]["mlp"]["best"].__iadd__(100),
    "fewer tasks than embeddings": lambda r: r["spaces"]["mlp"]["tasks"].pop(),
    "numbers that are none": lambda r: r["spaces"]["mlp"]["embeddings"].__imul__(np.nan),
    "a weight less": lambda r: r["spaces"]["mlp"]["kernel"].pop("length"),
    "weights that are no numbers": lambda r: r["spaces"]["mlp"]["kernel"]["functions"].__imul__(np.nan),
    "weights of another shape": lambda r: r["spaces"]["mlp"]["kernel"].update({"inducing": np.zeros((3, 3))}),
    "a policy of another form": lambda r: r["spaces"]["mlp"]["policy"].update(heads=np.zeros((3, 3))),
    "a policy that is no numbers": lambda r: r["spaces"]["mlp"]["policy"]["heads"].__imul__(np.nan),
    "a policy without some of its weights": lambda r: r["spaces"]["mlp"]["policy"].pop("heads"),
    "an encoder without weights": lambda r: r["spaces"]["mlp"].update(encoder={}),
    "an ensemble that is none": lambda r: r["spaces"]["mlp"].update(ensemble={"counts": [3]}),
    "a task with other fields": lambda r: r["spaces"]["mlp"]["tasks"][0].update(colour="red"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_refused(path, damage):
    def change(record):
        damage(record)

    assert f"the prior {path} is damaged" in refused(changed(path, change))


def test_a_prior_that_is_too_large_is_not_written(prior, tmp_path, monkeypatch):
    monkeypatch.setattr(prior_file, "LARGEST", 1000)
    with pytest.raises(InputError, match="learn from fewer stores"):
        save_prior(tmp_path / "large", prior)
    assert not (tmp_path / "large").exists()
