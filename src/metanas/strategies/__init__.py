"""What to try next: strategies behind ask and tell, one file each. See ``metanas.interfaces.Strategy``."""

from metanas.strategies import actor_critic as actor_critic
from metanas.strategies import bananas as bananas
from metanas.strategies import bayes as bayes
from metanas.strategies import bohb as bohb
from metanas.strategies import bowl as bowl
from metanas.strategies import evolution as evolution
from metanas.strategies import genetic as genetic
from metanas.strategies import hyperband as hyperband
from metanas.strategies import kde as kde
from metanas.strategies import local_search as local_search
from metanas.strategies import meta_bayes as meta_bayes
from metanas.strategies import meta_policy as meta_policy
from metanas.strategies import nsga2 as nsga2
from metanas.strategies import pso as pso
from metanas.strategies import q_learning as q_learning
from metanas.strategies import random as random
from metanas.strategies import reinforce as reinforce
from metanas.strategies import screen as screen
from metanas.strategies.base import BaseStrategy as BaseStrategy
from metanas.strategies.base import Brief as Brief
from metanas.strategies.base import make_strategy as make_strategy
from metanas.strategies.base import register_strategy as register_strategy
from metanas.strategies.base import strategies as strategies
from metanas.strategies.chosen import ChosenStrategy as ChosenStrategy
from metanas.strategies.chosen import choose_strategy as choose_strategy
