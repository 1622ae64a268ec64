"""The built-in operations, a file per family; importing this package registers them."""

from metanas.spaces.operations import attention as attention
from metanas.spaces.operations import constant as constant
from metanas.spaces.operations import convolution as convolution
from metanas.spaces.operations import dense as dense
from metanas.spaces.operations import elementwise as elementwise
from metanas.spaces.operations import embedding as embedding
from metanas.spaces.operations import front as front
from metanas.spaces.operations import joins as joins
from metanas.spaces.operations import periodic as periodic
from metanas.spaces.operations import pooling as pooling
from metanas.spaces.operations import recurrent as recurrent
