"""Meta-training as a run: episodes, budget, checkpoints, validation, the closing test."""

from metanas.search.meta.record import MetaResult as MetaResult
from metanas.search.meta.training import meta_train as meta_train
from metanas.search.meta.training import resume_meta_training as resume_meta_training
