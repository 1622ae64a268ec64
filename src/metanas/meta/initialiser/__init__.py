"""Initial weights from earlier tasks: a bank of initialisations, blended for a task and matched to a network's layers."""

from metanas.meta.initialiser.bank import Bank as Bank
from metanas.meta.initialiser.bank import Initialisation as Initialisation
from metanas.meta.initialiser.layers import Layer as Layer
from metanas.meta.initialiser.layers import Layers as Layers
from metanas.meta.initialiser.layers import fitted_layers as fitted_layers
from metanas.meta.initialiser.layers import layers_of as layers_of
from metanas.meta.initialiser.reptile import EarlierData as EarlierData
from metanas.meta.initialiser.reptile import outer_step as outer_step
from metanas.meta.initialiser.reptile import reptile as reptile
