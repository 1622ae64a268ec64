"""Networks as pure functions of weights that compute several tasks together, with cheap second derivatives."""

from metanas.meta.together.base import Inputs as Inputs
from metanas.meta.together.base import Model as Model
from metanas.meta.together.base import Named as Named
from metanas.meta.together.base import Part as Part
from metanas.meta.together.base import Pass as Pass
from metanas.meta.together.model import GraphModel as GraphModel
from metanas.meta.together.model import StagedModel as StagedModel
