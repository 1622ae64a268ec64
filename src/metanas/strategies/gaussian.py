"""A Gaussian process over encoded decisions: fitted with GPyTorch now and then, conditioned one point at a time in between.

Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", algorithm 2.1 and section 5.4.1. SciPy, torch and GPyTorch
are loaded when something is computed.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_NOISE = 0.01
_REACH = 2.0
_SIGMA = 1.0
"""Priors, all lognormal with this standard deviation of the logarithm: of the noise (values have variance one), of the scale (mode 1) and
of the weights (mode: two points of average distance have this weighted distance)."""
_LEAST = 1e-6
_LOGS = (-9.0, 9.0)
"""Where the logarithms of the hyper-parameters are searched for."""


@dataclass(frozen=True)
class Fitted:
    """Hyper-parameters: positive weights of the groups, variances of the function and of the noise."""

    weights: tuple[float, ...]
    scale: float = 1.0
    noise: float = _NOISE

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Fitted:
        """What :meth:`to_json` wrote."""
        return cls(**{**record, "weights": tuple(record["weights"])})


def fit(x: Matrix, y: Vector, group: NDArray[np.int64], start: Fitted | None, steps: int = 30) -> Fitted:
    """The hyper-parameters of largest posterior probability, by at most ``steps`` of L-BFGS with GPyTorch's marginal likelihood.

    The kernel is ``scale * exp(-sum_g weights[g] * (L1 distance in the numbers of group g))``: a product of Matern kernels of
    smoothness 1/2, on one-hot numbers an exponential of the weighted Hamming distance.

    Args:
        x: encoded points, ``(n, numbers)``.
        y: values of mean 0 and variance 1, ``(n,)``.
        group: of each number, ``(numbers,)``, from 0.
        start: where the search starts; None starts at the priors' modes.
    """
    import gpytorch
    import torch
    from scipy.optimize import minimize

    inputs, targets, columns = torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(group)
    groups = int(group.max()) + 1
    mode = _REACH / max(_average_distance(x), _LEAST)
    positive = gpytorch.constraints.Positive(transform=torch.exp, inv_transform=torch.log)

    def prior(mode: float) -> Any:
        """Lognormal; the mode is that of the density of the logarithm."""
        return gpytorch.priors.LogNormalPrior(torch.tensor(math.log(mode) + _SIGMA**2).double(), torch.tensor(_SIGMA).double())

    class Product(gpytorch.kernels.Kernel):  # type: ignore[misc]
        has_lengthscale = True

        def forward(self, x1: torch.Tensor, x2: torch.Tensor, diag: bool = False, **_: Any) -> torch.Tensor:
            factors = 1.0 / self.lengthscale[..., columns]
            if diag:
                return torch.exp(-(factors * (x1 - x2).abs()).sum(dim=-1))
            return torch.exp(-torch.cdist(x1 * factors, x2 * factors, p=1.0))

    class Process(gpytorch.models.ExactGP):  # type: ignore[misc]
        def forward(self, at: torch.Tensor) -> Any:
            return gpytorch.distributions.MultivariateNormal(torch.zeros(len(at), dtype=at.dtype), self.kernel(at))

    likelihood = gpytorch.likelihoods.GaussianLikelihood(prior(_NOISE), positive)
    process = Process(inputs, targets, likelihood)
    base = Product(ard_num_dims=groups, lengthscale_prior=prior(1.0 / mode), lengthscale_constraint=positive)
    process.kernel = gpytorch.kernels.ScaleKernel(base, outputscale_prior=prior(1.0), outputscale_constraint=positive)
    process.double()
    begin = start or Fitted((mode,) * groups)
    base.lengthscale = 1.0 / torch.tensor(begin.weights, dtype=torch.float64)
    process.kernel.outputscale, likelihood.noise = begin.scale, begin.noise
    likelihood_of = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, process)
    parameters = list(process.parameters())  # all logarithms

    def loss(logs: Vector) -> tuple[float, Vector]:
        torch.nn.utils.vector_to_parameters(torch.from_numpy(logs), parameters)
        value = -len(targets) * likelihood_of(process(inputs), targets)
        gradients = torch.autograd.grad(value, parameters)
        return value.item(), torch.cat([g.flatten() for g in gradients]).numpy()

    began = torch.nn.utils.parameters_to_vector(parameters).detach().numpy()
    found = minimize(loss, began, jac=True, method="L-BFGS-B", bounds=[_LOGS] * len(began), options={"maxiter": steps})
    torch.nn.utils.vector_to_parameters(torch.from_numpy(found.x), parameters)
    weights = (1.0 / base.lengthscale.detach()).flatten().tolist()
    return Fitted(tuple(weights), process.kernel.outputscale.item(), likelihood.noise.item())


def _average_distance(x: Matrix) -> float:
    from scipy.spatial.distance import pdist

    return float(pdist(x, "cityblock").mean()) if len(x) > 1 else 1.0


class Posterior:
    """A fitted process conditioned on points, of which more may be added, with what it says of ``watched`` points kept up to date.

    Args:
        fitted: hyper-parameters.
        group: of each number, see :func:`fit`.
        points: the first block of points, ``(n, numbers)``; adding the others one by one in the same order gives the same to the last bit.
        watched: candidates that will be asked about again and again, ``(candidates, numbers)``, or None.
    """

    def __init__(self, fitted: Fitted, group: NDArray[np.int64], points: Matrix, watched: Matrix | None = None) -> None:
        from scipy.linalg import cholesky

        self._fitted, self._factors = fitted, np.array(fitted.weights)[group]
        self._points = points * self._factors
        self._lower = cholesky(self._covariance(self._points, self._points) + self._nugget * np.eye(len(points)), lower=True)
        self._watched = None if watched is None else watched * self._factors
        self._rows = np.empty((0, 0))  # watched points, whitened; more rows than points, so that adding one seldom copies
        self._variance = np.empty(0)
        if self._watched is not None:
            self._rows = self._whiten(self._watched)
            self._variance = fitted.scale - np.square(self._rows).sum(axis=0)

    @property
    def _nugget(self) -> float:
        return self._fitted.noise + _LEAST

    def _covariance(self, first: Matrix, second: Matrix) -> Matrix:
        from scipy.spatial.distance import cdist

        distance = cdist(first, second, "cityblock")
        return np.asarray(self._fitted.scale * np.exp(np.negative(distance, out=distance), out=distance))

    def _whiten(self, scaled: Matrix) -> Matrix:
        from scipy.linalg import solve_triangular

        return np.asarray(solve_triangular(self._lower, self._covariance(self._points, scaled), lower=True, overwrite_b=True))

    def add(self, point: Vector) -> None:
        """Condition on one more point, ``(numbers,)``."""
        scaled, n = (point * self._factors)[None], len(self._points)
        row = self._whiten(scaled)[:, 0]
        corner = math.sqrt(max(self._fitted.scale + self._nugget - float(row @ row), _LEAST))
        self._points = np.concatenate([self._points, scaled])
        self._lower = np.block([[self._lower, np.zeros((n, 1))], [row[None], np.full((1, 1), corner)]])
        if self._watched is not None:
            if len(self._rows) == n:
                self._rows = np.concatenate([self._rows, np.empty((16, self._rows.shape[1]))])
            fresh = (self._covariance(scaled, self._watched)[0] - row @ self._rows[:n]) / corner
            self._rows[n] = fresh
            self._variance -= np.square(fresh)

    def with_liars(self, y: Vector, told: NDArray[np.bool_]) -> Vector:
        """``y`` ``(n,)`` with the posterior mean, given the others, where ``told`` is False: it moves no mean but lowers the variance."""
        if told.all():
            return y
        covariance = self._covariance(self._points, self._points[told])
        filled = y.copy()
        filled[~told] = covariance[~told] @ np.linalg.solve(covariance[told] + self._nugget * np.eye(int(told.sum())), y[told])
        return filled

    def predict(self, y: Vector, candidates: Matrix | None = None) -> tuple[Vector, Vector]:
        """Mean and standard deviation of the function at ``candidates`` ``(m, numbers)``, or at what is watched; ``(m,)`` each.

        Args:
            y: of every point, in the order they came, ``(n,)``.
            candidates: encoded.
        """
        from scipy.linalg import solve_triangular

        if candidates is None:
            rows, variance = self._rows[: len(y)], self._variance
        else:
            rows = self._whiten(candidates * self._factors)
            variance = self._fitted.scale - np.square(rows).sum(axis=0)
        mean = solve_triangular(self._lower, y, lower=True) @ rows
        return np.asarray(mean), np.sqrt(np.maximum(variance, _LEAST * self._fitted.scale))


def log_expected_improvement(mean: Vector, deviation: Vector, best: float) -> Vector:
    """Logarithm of the expected improvement over ``best`` (larger is better), accurate where there is next to none.

    Ament et al. 2023, "Unexpected Improvements to Expected Improvement for Bayesian Optimization", equation 9.
    """
    from scipy.special import erfcx, ndtr

    u = (mean - best) / deviation
    log_density = -0.5 * u * u - 0.5 * math.log(2 * math.pi)
    near = u > -1.0
    value = np.empty_like(u)
    value[near] = np.log(np.exp(log_density[near]) + u[near] * ndtr(u[near]))
    far = u[~near]
    ratio = math.sqrt(math.pi / 2) * erfcx(-far / math.sqrt(2))  # of the distribution to the density
    value[~near] = log_density[~near] + np.log(np.maximum(1.0 + far * ratio, 1e-300))
    return np.asarray(value + np.log(deviation))
