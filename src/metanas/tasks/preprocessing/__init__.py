"""From raw inputs to what a network takes: one preprocessing per kind of data, fitted on training rows, saved as JSON."""

from metanas.tasks.preprocessing.base import PREPROCESSINGS as PREPROCESSINGS
from metanas.tasks.preprocessing.base import Output as Output
from metanas.tasks.preprocessing.base import Preprocessing as Preprocessing
from metanas.tasks.preprocessing.base import fit as fit
from metanas.tasks.preprocessing.image import ImagePreprocessing as ImagePreprocessing
from metanas.tasks.preprocessing.table import TablePreprocessing as TablePreprocessing
from metanas.tasks.preprocessing.text import TextPreprocessing as TextPreprocessing
from metanas.tasks.preprocessing.waves import SeriesPreprocessing as SeriesPreprocessing
from metanas.tasks.preprocessing.waves import SoundPreprocessing as SoundPreprocessing
