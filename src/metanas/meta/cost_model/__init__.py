"""Latency of architectures on devices that were hardly measured, learned from devices that were; see ``docs/methods/cost-model.md``."""

from metanas.meta.cost_model.constrained import Found as Found
from metanas.meta.cost_model.constrained import best_measured as best_measured
from metanas.meta.cost_model.constrained import best_predicted as best_predicted
from metanas.meta.cost_model.device import DeviceModel as DeviceModel
from metanas.meta.cost_model.features import Features as Features
from metanas.meta.cost_model.features import choice_features as choice_features
from metanas.meta.cost_model.features import graph_features as graph_features
from metanas.meta.cost_model.features import space_features as space_features
from metanas.meta.cost_model.features import work_features as work_features
from metanas.meta.cost_model.model import CostModel as CostModel
from metanas.meta.cost_model.model import Measured as Measured
from metanas.meta.cost_model.prior import Encoded as Encoded
from metanas.meta.cost_model.references import choose_references as choose_references
