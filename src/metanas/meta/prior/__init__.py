"""The prior: made from the store of earlier searches, kept as one file, met by strategies and by the user."""

from metanas.meta.prior.file import digest as digest
from metanas.meta.prior.file import load_prior as load_prior
from metanas.meta.prior.file import save_prior as save_prior
from metanas.meta.prior.form import Form as Form
from metanas.meta.prior.learned import LearnedPrior as LearnedPrior
from metanas.meta.prior.learned import Provenance as Provenance
from metanas.meta.prior.learning import learn as learn
from metanas.meta.prior.lesson_file import load_lessons as load_lessons
from metanas.meta.prior.lesson_file import save_lessons as save_lessons
from metanas.meta.prior.lesson_file import shipped_lessons as shipped_lessons
from metanas.meta.prior.lesson_file import shipped_prior as shipped_prior
from metanas.meta.prior.lessons import Lesson as Lesson
from metanas.meta.prior.lessons import Read as Read
from metanas.meta.prior.lessons import Told as Told
from metanas.meta.prior.lessons import gather as gather
from metanas.meta.prior.lessons import lessons_from as lessons_from
from metanas.meta.prior.lessons import read as read
from metanas.meta.prior.making import Made as Made
from metanas.meta.prior.making import due as due
from metanas.meta.prior.making import make_prior as make_prior
from metanas.meta.prior.memories import EarlierTask as EarlierTask
from metanas.meta.prior.memories import KnownSpace as KnownSpace
from metanas.meta.prior.memories import Neighbour as Neighbour
from metanas.meta.prior.memories import Skill as Skill
from metanas.meta.prior.place import beside as beside
from metanas.meta.prior.transfer import TransferSurrogate as TransferSurrogate
