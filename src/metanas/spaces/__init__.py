"""What can be built: decisions, architectures, graphs, operations as data, and the built-in spaces."""

from metanas.spaces import convnet as convnet
from metanas.spaces import mlp as mlp
from metanas.spaces import operations as operations
from metanas.spaces import sequence as sequence

from metanas.spaces import cell as cell  # isort: skip - the first space registered for a kind of data is its default
from metanas.spaces import ecnas as ecnas  # isort: skip
from metanas.spaces import fcnet as fcnet  # isort: skip
from metanas.spaces import openml_mlp as openml_mlp  # isort: skip
from metanas.spaces.architecture import Architecture as Architecture
from metanas.spaces.decision import Condition as Condition
from metanas.spaces.decision import Decision as Decision
from metanas.spaces.draft import Draft as Draft
from metanas.spaces.graph import Graph as Graph
from metanas.spaces.graph import Node as Node
from metanas.spaces.narrowing import supernet_space as supernet_space
from metanas.spaces.operation import Operation as Operation
from metanas.spaces.operation import register_operation as register_operation
from metanas.spaces.registry import make_space as make_space
from metanas.spaces.registry import register_space as register_space
from metanas.spaces.registry import spaces as spaces
from metanas.spaces.shape import TaskShape as TaskShape
from metanas.spaces.space import Space as Space
