"""A learned search policy: what to try next, given the task and what was seen on it."""

from metanas.meta.policy.adapted import TaskPolicy as TaskPolicy
from metanas.meta.policy.controller import Controller as Controller
from metanas.meta.policy.training import learn_policy as learn_policy
