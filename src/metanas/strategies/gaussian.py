"""A Gaussian process over encoded decisions, fitted with GPyTorch; and the expected improvement.

Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", section 5.4.1. SciPy, torch and GPyTorch are loaded when something
is computed.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metanas.strategies.process import Matrix, Process, Vector

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
    """Hyper-parameters: positive weights of the groups, variances of the function and of the noise; see :func:`fit`."""

    weights: tuple[float, ...]
    scale: float = 1.0
    noise: float = _NOISE

    def stretched(self, x: Matrix, group: NDArray[np.int64]) -> Matrix:
        """Encoded points ``(n, numbers)`` with every number times its group's weight: what :meth:`covariance` takes."""
        return np.asarray(x * np.array(self.weights)[group])

    def covariance(self, first: Matrix, second: Matrix) -> Matrix:
        """The kernel between stretched points, ``(first, second)``."""
        from scipy.spatial.distance import cdist

        distance = cdist(first, second, "cityblock")
        return np.asarray(self.scale * np.exp(np.negative(distance, out=distance), out=distance))

    def process(self, points: Matrix, watched: Matrix | None = None) -> Process:
        """The process given stretched points."""
        return Process(self.covariance, self.scale, self.noise + _LEAST, points, watched)

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
