"""What to try next: strategies behind ask and tell, one file each. See ``metanas.interfaces.Strategy``."""

from metanas.strategies import evolution as evolution
from metanas.strategies import genetic as genetic
from metanas.strategies import hyperband as hyperband
from metanas.strategies import local_search as local_search
from metanas.strategies import nsga2 as nsga2
from metanas.strategies import random as random
from metanas.strategies.base import BaseStrategy as BaseStrategy
from metanas.strategies.base import Brief as Brief
from metanas.strategies.base import make_strategy as make_strategy
from metanas.strategies.base import register_strategy as register_strategy
from metanas.strategies.base import strategies as strategies
from metanas.strategies.chosen import ChosenStrategy as ChosenStrategy
from metanas.strategies.chosen import choose_strategy as choose_strategy
