"""The sources, by kind of data; importing a module registers its sources."""

from . import functions as functions
from . import pictures as pictures
from . import points as points
from . import rules as rules
from . import signals as signals
from . import sounds as sounds
from . import tables as tables
from . import texts as texts
