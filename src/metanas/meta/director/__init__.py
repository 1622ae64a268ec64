"""The policy over strategies learned: earlier tasks become worlds, searches are replayed in them, and policy gradient does the rest."""

from metanas.meta.director.learning import learn_director as learn_director
from metanas.meta.director.learning import policy_gradient as policy_gradient
from metanas.meta.director.replay import Replay as Replay
from metanas.meta.director.replay import replay as replay
from metanas.meta.director.world import LEAST_SOURCES as LEAST_SOURCES
from metanas.meta.director.world import World as World
from metanas.meta.director.world import left_out as left_out
