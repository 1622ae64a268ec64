"""Honest baselines: what a practitioner would try in five minutes, trained on the same rows as the final network.

Each keeps a deadline: a small trial run foretells how long the fit takes, and rows are left out (and the entry says so) where
all would be too many. Chance comes from ``seed`` only.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from metanas.delivery.features import TableColumns, flat_pixels, log_spectrogram
from metanas.tasks.data import Array
from metanas.tasks.metrics import class_weights

if TYPE_CHECKING:
    from metanas.tasks import Task

ANSWER, PLAIN = "the network found", "the plain network"
"""Names of the search's own competitors."""
MOST_ROWS = 50_000
"""Rows on which linear models and neighbours learn at most; more change their score in the third digit."""
TRIAL_ROWS = 500
"""Rows of the trial run that foretells a fit's time."""
LEAST_SECONDS = 0.2
"""With less time left than this nothing is tried any more."""
SAFETY = 0.7
"""Share of the time left that a foretold fit may take."""
LEAST_ROWS = 200
"""Fewer rows than this are no honest baseline for a larger task: it is left out."""


@dataclass(frozen=True)
class Entry:
    """One competitor on the frozen list that the test data decide about.

    Args:
        name: in plain words.
        predict: raw inputs (as in ``Task.inputs``) to class probabilities ``(examples, classes)`` or values ``(examples, outputs)``;
            None if it was left out.
        note: what a reader should know, e.g. that it learned from a part of the rows only.
        reason: why it was left out, in plain words; None if it was not.
        seconds: that the fit took.
    """

    name: str
    predict: Callable[[Any], Array] | None
    note: str = ""
    reason: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class _Recipe:
    """A baseline before its fit.

    Args:
        name: in plain words.
        estimator: makes what has scikit-learn's ``fit`` and ``predict``, at a share of its full iterations.
        features: raw inputs to what the estimator takes.
        most_rows: it learns from at most so many.
        trial_share: share of the iterations in a trial run.
    """

    name: str
    estimator: Callable[[float], Any]
    features: Callable[[Any], Any] = lambda inputs: inputs
    most_rows: int = MOST_ROWS
    trial_share: float = 1.0


def fit_baselines(task: Task, *, deadline: float = float("inf"), seed: int = 0) -> list[Entry]:
    """The baselines for the task's kind of data, trained on its training and validation rows.

    Args:
        task: to learn.
        deadline: seconds on the clock of ``time.monotonic``; a baseline that would not finish by then is left out.
        seed: of all chance.

    Returns:
        the simplest first; one that failed or was left out has a reason and no ``predict``.
    """
    learned = _learned(task)
    with _calmly():
        return [_majority(task, learned), *(_fit(recipe, task, learned, deadline, seed) for recipe in _recipes(task, seed))]


def _learned(task: Task) -> Array:
    return np.sort(np.concatenate([task.train, task.validation]))


def _majority(task: Task, learned: Array) -> Entry:
    targets = task.targets[learned]
    if task.kind == "classification":
        shares = np.bincount(targets, minlength=len(task.classes)) / len(targets)
        name = f"always “{task.classes[int(shares.argmax())]}”, the commonest class"
    else:
        shares = targets.mean(axis=0, dtype=np.float64)
        name = "always the mean"
    return Entry(name, lambda inputs: np.tile(shares, (len(inputs), 1)))


def _fit(recipe: _Recipe, task: Task, learned: Array, deadline: float, seed: int) -> Entry:
    start = time.monotonic()
    try:
        order = np.random.default_rng(seed).permutation(learned)[: recipe.most_rows]
        count = _affordable(recipe, task, order, deadline)
        if count < min(len(order), LEAST_ROWS):
            return Entry(recipe.name, None, reason="it would not have finished in the time that was left")
        model = _learn(recipe, task, np.sort(order[:count]))
    except Exception as error:
        # A baseline stands beside the answer; whatever breaks in a library must not cost the user the answer.
        return Entry(recipe.name, None, reason=f"it failed: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
    note = "" if count == len(learned) else f"learned from {count:,} of {len(learned):,} rows, to keep the time"
    return Entry(recipe.name, _predictor(recipe, model, task), note=note, seconds=time.monotonic() - start)


def _affordable(recipe: _Recipe, task: Task, order: Array, deadline: float) -> int:
    """How many of the rows ``order`` can be learned by the deadline: trial runs on few rows foretell it, on more while cheap."""
    if deadline == float("inf"):
        return len(order)
    recipe.estimator(1.0)  # so that no trial run pays for loading scikit-learn
    start, count, affordable = time.monotonic(), TRIAL_ROWS, 0
    trials: list[tuple[int, float]] = [(0, 0.0)]
    while (began := time.monotonic()) + LEAST_SECONDS < deadline:
        _learn(recipe, task, order[:count], recipe.trial_share)
        now = time.monotonic()
        trials.append((min(len(order), count), (now - began) / recipe.trial_share))
        affordable = _foretold(trials, (deadline - now) * SAFETY)
        count *= 4
        if affordable >= len(order) or count >= len(order) or now - start + 4 * (now - began) > 0.2 * (deadline - start):
            break
    return min(len(order), affordable)


def _foretold(trials: Sequence[tuple[int, float]], seconds: float) -> int:
    """Rows that can be learned in ``seconds``, if beyond the last trial time grows as between the last two (rows, seconds)."""
    (few, less), (many, more) = trials[-2:]
    if seconds < more:
        return int(many * seconds / more)
    per_row = max((more - less) / (many - few), 0.1 * more / many) if many > few else more / many
    return many + int((seconds - more) / per_row)


def _learn(recipe: _Recipe, task: Task, index: Array, share: float = 1.0) -> Any:
    targets = task.targets[index]
    if task.kind == "regression" and targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    return recipe.estimator(share).fit(recipe.features(task.rows(index)), targets)


def _predictor(recipe: _Recipe, model: Any, task: Task) -> Callable[[Any], Array]:
    classes = len(task.classes)

    def values(inputs: Any) -> Array:
        with _calmly():
            return np.asarray(model.predict(recipe.features(inputs)), np.float64).reshape(len(inputs), -1)

    def probabilities(inputs: Any) -> Array:
        full = np.zeros((len(inputs), classes))
        with _calmly():
            full[:, model.classes_] = model.predict_proba(recipe.features(inputs))
        return full

    return probabilities if task.kind == "classification" else values


@contextmanager
def _calmly() -> Iterator[None]:
    """One computing thread, since several wait for each other beside a busy neighbour; no warnings, since users can't act on them."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _recipes(task: Task, seed: int) -> Sequence[_Recipe]:
    linear = "logistic regression" if task.kind == "classification" else "ridge regression"
    if task.data == "table":
        columns = TableColumns.of(task.rows(_learned(task)))
        return [
            _Recipe(linear, lambda share: _pipeline(columns.linear(), _linear(task))),
            _Recipe(
                "gradient-boosted trees",
                lambda share: _pipeline(columns.trees(), _trees(task, columns.coded(), round(100 * share), seed)),
                most_rows=10**9,
                trial_share=0.1,
            ),
        ]
    if task.data == "text":
        return [_Recipe(f"word frequencies (tf-idf) with {linear}", lambda share: _pipeline(_tfidf(), _linear(task, 30.0)))]
    if task.data == "image":
        return [_Recipe(f"{linear} on the pixels", lambda share: _scaled(_linear(task, 0.01)), flat_pixels)]
    if task.data == "sound":
        return [_Recipe(f"{linear} on the spectrogram", lambda share: _scaled(_linear(task, 0.01)), log_spectrogram)]
    return [
        _Recipe(f"{linear} on the values", lambda share: _scaled(_linear(task)), _flat),
        _Recipe("the most similar known series (1-NN)", lambda share: _nearest(task), _flat, most_rows=10_000),
    ]


def _flat(inputs: Array) -> Array:
    return np.asarray(inputs, np.float32).reshape(len(inputs), -1)


def _weights(task: Task) -> dict[int, float] | None:
    """The same weights of the classes as the networks' loss has, so that rare classes count as much here."""
    weights = class_weights(task.metric, task.targets[_learned(task)], len(task.classes))
    return None if weights is None else {k: float(weight) for k, weight in enumerate(weights)}


def _linear(task: Task, strength: float = 1.0) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    if task.kind == "regression":
        return Ridge(alpha=1.0)
    return LogisticRegression(C=strength, max_iter=200, class_weight=_weights(task))


def _trees(task: Task, coded: Sequence[int], trees: int, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.multioutput import MultiOutputRegressor

    settings: dict[str, Any] = {"categorical_features": list(coded), "max_iter": trees, "random_state": seed}
    if task.kind == "classification":
        return HistGradientBoostingClassifier(class_weight=_weights(task), **settings)
    single = HistGradientBoostingRegressor(**settings)
    return single if task.targets.shape[1] == 1 else MultiOutputRegressor(single)


def _nearest(task: Task) -> Any:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    kind = KNeighborsClassifier if task.kind == "classification" else KNeighborsRegressor
    return kind(1, algorithm="brute")


def _tfidf() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=100_000, token_pattern=r"(?u)\b\w+\b")


def _scaled(estimator: Any) -> Any:
    from sklearn.preprocessing import StandardScaler

    return _pipeline(StandardScaler(), estimator)


def _pipeline(*steps: Any) -> Any:
    from sklearn.pipeline import make_pipeline

    return make_pipeline(*steps)
