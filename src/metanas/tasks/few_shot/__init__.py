"""Few-shot episodes: tasks of few examples, drawn from the classes of a data set or from a family of functions."""

from metanas.tasks.few_shot.as_task import episode_task as episode_task
from metanas.tasks.few_shot.as_task import task_of_arrays as task_of_arrays
from metanas.tasks.few_shot.class_data import ClassData as ClassData
from metanas.tasks.few_shot.class_data import ClassSplit as ClassSplit
from metanas.tasks.few_shot.class_data import random_split as random_split
from metanas.tasks.few_shot.episode import Episode as Episode
from metanas.tasks.few_shot.episode import EpisodeFamily as EpisodeFamily
from metanas.tasks.few_shot.episode import EpisodePart as EpisodePart
from metanas.tasks.few_shot.episode import stack as stack
from metanas.tasks.few_shot.reading import of_arrays as of_arrays
from metanas.tasks.few_shot.reading import of_task as of_task
from metanas.tasks.few_shot.reading import read_few_shot as read_few_shot
from metanas.tasks.few_shot.sampler import EpisodeSampler as EpisodeSampler
from metanas.tasks.few_shot.sinusoids import Sinusoids as Sinusoids
from metanas.tasks.few_shot.splits import omniglot_split as omniglot_split
