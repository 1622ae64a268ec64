"""Tasks as vectors: from a description to a graph, from the graph to an embedding ``f_theta(T)``."""

from metanas.meta.tasks.attributes import ATTRIBUTES as ATTRIBUTES
from metanas.meta.tasks.encoder import TaskEncoder as TaskEncoder
from metanas.meta.tasks.encoder import join as join
from metanas.meta.tasks.graph import TaskGraph as TaskGraph
from metanas.meta.tasks.graph import plain_embedding as plain_embedding
from metanas.meta.tasks.graph import task_graph as task_graph
from metanas.meta.tasks.training import rank_correlations as rank_correlations
from metanas.meta.tasks.training import train_encoder as train_encoder
