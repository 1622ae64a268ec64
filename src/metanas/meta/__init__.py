"""Learning across tasks: meta-learners over a network's weights, one file each. See ``metanas.interfaces.MetaLearner``."""

from metanas.meta import anil as anil
from metanas.meta import fomaml as fomaml
from metanas.meta import maml as maml
from metanas.meta import maml_pp as maml_pp
from metanas.meta import meta_sgd as meta_sgd
from metanas.meta import metanas_reptile as metanas_reptile
from metanas.meta import reptile as reptile
from metanas.meta import t_nas as t_nas
from metanas.meta.checkpoint import Checkpoint as Checkpoint
from metanas.meta.checkpoint import load_checkpoint as load_checkpoint
from metanas.meta.checkpoint import load_state as load_state
from metanas.meta.checkpoint import save_checkpoint as save_checkpoint
from metanas.meta.few_shot_space import few_shot_space as few_shot_space
from metanas.meta.four_conv import four_conv as four_conv
from metanas.meta.learner import EpisodeLearner as EpisodeLearner
from metanas.meta.learner import tasks_together as tasks_together
from metanas.meta.memory import meta_bytes as meta_bytes
from metanas.meta.registry import default_settings as default_settings
from metanas.meta.registry import make_meta_learner as make_meta_learner
from metanas.meta.registry import meta_learners as meta_learners
from metanas.meta.registry import register_meta_learner as register_meta_learner
from metanas.meta.registry import takes as takes
from metanas.meta.settings import MetaSettings as MetaSettings
from metanas.tasks.few_shot import Episode as Episode
from metanas.tasks.few_shot import stack as stack
