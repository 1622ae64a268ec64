"""The builders of the built-in operations, a file per family; importing this package registers them."""

from metanas.networks.operations import attention as attention
from metanas.networks.operations import constant as constant
from metanas.networks.operations import convolution as convolution
from metanas.networks.operations import dense as dense
from metanas.networks.operations import elementwise as elementwise
from metanas.networks.operations import embedding as embedding
from metanas.networks.operations import front as front
from metanas.networks.operations import joins as joins
from metanas.networks.operations import periodic as periodic
from metanas.networks.operations import pooling as pooling
from metanas.networks.operations import recurrent as recurrent
