"""A supernet as a pure function of its weights and logits, for several tasks at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from metanas.meta.together import Inputs, Named, StagedModel
from metanas.meta.together.mixture import mixture_steps
from metanas.meta.together.stages import norm_names, stages_of
from metanas.networks.supernet import Supernet
from metanas.oneshot.choices import ranked
from metanas.spaces.architecture import Architecture
from metanas.spaces.space import Space

LOGITS = "logits."
"""Names of the logits: this and the decision's name."""
TEMPERATURE = "temperature"
LOGIT_SCALE = 1e-3
"""Standard deviation of the first logits (as in DARTS, T-NAS and MetaNAS)."""


@final
class SupernetModel(StagedModel):
    """The supernet of a space, as a function of the weights of all options, the logits of all decisions, and a temperature.

    Every option counts by the softmax of its decision's logits over the temperature, whose own derivative counts as zero. At temperature 0
    each task's mixture is the network of a single architecture, that which :meth:`decode` gives.

    Args:
        space: what it leaves open must suit a supernet.
        input_mean, input_std: one number per channel; None for 0 and 1.
        device: where weights and inputs are.
        dtype: of the weights and all arithmetic.

    Raises:
        InputError: if nothing in the space can be left open.
    """

    def __init__(
        self,
        space: Space,
        input_mean: NDArray[np.float32] | None = None,
        input_std: NDArray[np.float32] | None = None,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.given, self.statistics, self.graph = space, (input_mean, input_std), space.graph(space.baseline)
        self._supernet = self._build(0).to(device, dtype).eval()
        self.space, self.decisions = self._supernet.space, self._supernet.decisions
        self.logit_names = tuple(LOGITS + d.name for d in self.decisions)
        chosen = {name: nn.Parameter(torch.zeros(len(d.options))) for name, d in zip(self.logit_names, self.decisions, strict=True)}
        chosen[TEMPERATURE] = nn.Parameter(torch.ones(()))
        named = {**dict(self._supernet.named_parameters()), **chosen}
        steps, self._entry = mixture_steps(self._supernet, list(chosen.values()), self._mixing)
        stages = stages_of(steps, {id(p): name for name, p in named.items()}, self._entry)
        super().__init__(stages, {name: p.shape for name, p in named.items()}, torch.device(device), dtype)
        self.norm_names = norm_names(self._supernet)

    def init(self, seed: int) -> Named:
        """Fresh weights, logits near zero, and temperature 1."""
        weights = {name: p.detach().to(self.device, self.dtype) for name, p in self._build(seed).named_parameters()}
        rng = np.random.default_rng(seed)
        for name, d in zip(self.logit_names, self.decisions, strict=True):
            weights[name] = torch.tensor(rng.normal(0.0, LOGIT_SCALE, len(d.options)), dtype=self.dtype, device=self.device)
        return {**weights, TEMPERATURE: torch.ones((), dtype=self.dtype, device=self.device)}

    def inputs(self, x: Tensor) -> Inputs:
        """Examples ``(tasks, examples, *input)``, standardised, up to what no weights change."""
        with torch.no_grad():
            front = self._supernet.front(x.to(self.device).flatten(0, 1))
        levels = {stage.level for stage in self._stages if stage.level}
        masks = {level: (front != 0)[:, ::level] for level in levels if self.space.shape.data == "text"}
        return Inputs(len(x), {self._entry: front.to(self.dtype) if front.is_floating_point() else front}, masks=masks)

    def decode(self, weights: Mapping[str, Tensor]) -> Architecture:
        """The architecture of one task's logits ``(options,)``: the likeliest option of every decision, within the space's limits."""
        given = zip(self.logit_names, self.decisions, strict=True)
        return ranked(self.space, {d.name: weights[name].detach().double().log_softmax(0).tolist() for name, d in given}, 1)[0]

    def inherit(self, weights: Mapping[str, Tensor], architecture: Architecture) -> Named:
        """The state of ``build_network(space.graph(architecture))`` with one task's weights."""
        return self._supernet.inherit(architecture, weights)

    def _mixing(self, weights: Sequence[Tensor]) -> Named:
        """Each task's weights of the options ``(tasks, options)``, from its logits and its temperature."""
        *logits, temperature = weights
        if bool((temperature > 0).all()):
            softened = (torch.softmax(a / temperature.detach().unsqueeze(1), 1) for a in logits)
            return {d.name: mixture for d, mixture in zip(self.decisions, softened, strict=True)}
        each = [dict(zip(self.logit_names, own, strict=True)) for own in zip(*(a.detach().unbind() for a in logits), strict=True)]
        paths = [self._supernet.path(self.decode(own)) for own in each]
        return {d.name: torch.stack([path[d.name] for path in paths]).to(temperature) for d in self.decisions}

    def _build(self, seed: int) -> Supernet:
        mean, std = self.statistics
        return Supernet(self.given, input_mean=mean, input_std=std, seed=seed)
