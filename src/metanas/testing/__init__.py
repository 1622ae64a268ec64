"""Contracts for outsiders: what spaces, strategies and operations of other people's can be tested with."""

from metanas.testing.shapes import SHAPES as SHAPES
from metanas.testing.strategies import STRATEGY_LAWS as STRATEGY_LAWS
from metanas.testing.strategies import STRATEGY_LAWS_ONCE as STRATEGY_LAWS_ONCE
from metanas.testing.strategies import better_than_random as better_than_random
from metanas.testing.strategies import drive as drive
from metanas.testing.strategies import law_spaces as law_spaces
from metanas.testing.strategies import planted as planted
from metanas.testing.strategies import planted_space as planted_space
