"""With the plan that users get. How long it takes is no measurement here: to keep the budget is what the product promises."""

import time

from search_examples import points

import metanas


def test_a_budget_is_kept_with_the_final_training_and_the_baselines_counted_in(tmp_path):
    began = time.monotonic()
    found = metanas.search(points(), budget="12s", workers=2, out=tmp_path / "out", store=False)
    assert time.monotonic() - began <= 12 + 10
    assert found.result.seconds <= 12 + 10
    assert found.result.trials >= 1
    assert found.result.budget["seconds"] == 12
    assert not found.result.interrupted
