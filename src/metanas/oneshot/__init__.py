"""Shared weights: methods that train a supernet and the choices in it together, one file each. See ``metanas.interfaces.OneShot``."""

from metanas.oneshot import darts as darts
from metanas.oneshot import enas as enas
from metanas.oneshot import gdas as gdas
from metanas.oneshot import pc_darts as pc_darts
from metanas.oneshot import single_path as single_path
from metanas.oneshot.base import SupernetMethod as SupernetMethod
from metanas.oneshot.batches import Batches as Batches
from metanas.oneshot.brief import OneShotBrief as OneShotBrief
from metanas.oneshot.diagnosis import rank_correlation as rank_correlation
from metanas.oneshot.registry import check_oneshot as check_oneshot
from metanas.oneshot.registry import is_oneshot as is_oneshot
from metanas.oneshot.registry import make_oneshot as make_oneshot
from metanas.oneshot.registry import oneshot_bytes as oneshot_bytes
from metanas.oneshot.registry import oneshot_work as oneshot_work
from metanas.oneshot.registry import oneshots as oneshots
from metanas.oneshot.registry import register_oneshot as register_oneshot
from metanas.oneshot.search import Ranked as Ranked
from metanas.oneshot.search import answers as answers
from metanas.oneshot.search import inherited as inherited
from metanas.oneshot.search import settled as settled
