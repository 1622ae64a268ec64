import pytest
from meta_examples import assert_close, learner_of, leaves, outer_gradient, plain_gradient, plain_maml, plain_network, spread_out, subjects

SUBJECTS = subjects()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_is_maml_with_detached_inner_gradients(subject: str) -> None:
    graph, batch = SUBJECTS[subject]
    learner = learner_of("fomaml", graph, batch)
    theta = leaves(spread_out(learner.init(0)["theta"]))
    loss = plain_maml(plain_network(graph), theta, batch, 3, 0.1, second_order=False)
    assert_close(outer_gradient(learner, {n: w.detach() for n, w in theta.items()}, batch), plain_gradient(loss, theta), 1e-8)


def test_adapts_like_maml() -> None:
    graph, batch = SUBJECTS["pictures"]
    first, second = (learner_of(name, graph, batch) for name in ("fomaml", "maml"))
    state = first.init(0)
    assert (first.outputs(state, batch) == second.outputs(state, batch)).all()
