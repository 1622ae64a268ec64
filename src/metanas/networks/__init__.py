"""From a graph to a module: one builder per operation, and the network that runs them in order."""

from metanas.networks import operations as operations
from metanas.networks.network import Network as Network
from metanas.networks.network import build_network as build_network
from metanas.networks.registry import builds as builds
from metanas.networks.registry import module_of as module_of
from metanas.networks.supernet import Supernet as Supernet
from metanas.networks.supernet import supernet_bytes as supernet_bytes
