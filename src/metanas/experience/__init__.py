"""What happened: the durable record of every task, search and evaluation."""

from metanas.experience.history import forgotten_rows as forgotten_rows
from metanas.experience.history import forgotten_text as forgotten_text
from metanas.experience.history import history_rows as history_rows
from metanas.experience.history import history_text as history_text
from metanas.experience.location import MEMORY as MEMORY
from metanas.experience.location import absent as absent
from metanas.experience.location import store_url as store_url
from metanas.experience.rows import SearchRecord as SearchRecord
from metanas.experience.rows import Status as Status
from metanas.experience.rows import TaskRecord as TaskRecord
from metanas.experience.rows import training_key as training_key
from metanas.experience.store import Experience as Experience
from metanas.experience.store import Forgotten as Forgotten
from metanas.experience.store import open_experience as open_experience
