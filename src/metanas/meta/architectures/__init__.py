"""Architectures as vectors: a graph network over the graphs that build the networks, so that those of all spaces lie in one place."""

from metanas.meta.architectures.arrays import FEATURES as FEATURES
from metanas.meta.architectures.arrays import GraphBatch as GraphBatch
from metanas.meta.architectures.arrays import stack as stack
from metanas.meta.architectures.encoder import ArchitectureEncoder as ArchitectureEncoder
from metanas.meta.architectures.pretraining import pretrain as pretrain
