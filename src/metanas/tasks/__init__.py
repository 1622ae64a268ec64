"""What is to be learned: tasks read from files, folders and arrays, their parts, metrics and preprocessing."""

from metanas.tasks.data import Kind as Kind
from metanas.tasks.data import LearningData as LearningData
from metanas.tasks.metrics import METRICS as METRICS
from metanas.tasks.metrics import check_metric as check_metric
from metanas.tasks.metrics import class_weights as class_weights
from metanas.tasks.metrics import compute as compute
from metanas.tasks.metrics import compute_one as compute_one
from metanas.tasks.metrics import valid_metrics as valid_metrics
from metanas.tasks.new import read_new as read_new
from metanas.tasks.preprocessing import Preprocessing as Preprocessing
from metanas.tasks.task import Task as Task
