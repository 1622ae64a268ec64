"""Splits of Omniglot's classes that papers use, by the names of the alphabets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metanas.errors import InputError
from metanas.tasks.data import Array
from metanas.tasks.few_shot.class_data import ClassSplit

_TEST = "Kannada Keble Malayalam Manipuri Mongolian Old_Church_Slavonic_(Cyrillic) Oriya Sylheti Syriac_(Serto) Tengwar Tibetan ULOG"
_TRAIN = "Angelic Atemayar_Qelisayer Atlantean Aurek-Besh Avesta Ge_ez Glagolitic Gurmukhi"
_VALIDATION = "Armenian Bengali Early_Aramaic Hebrew Mkhedruli_(Georgian)"
VINYALS_TEST = frozenset(_TEST.split())
"""The alphabets of Vinyals' test part, and what :data:`CUT` adds to them."""
EVALUATION = VINYALS_TEST | frozenset(_TRAIN.split())
"""The 20 alphabets of Omniglot's evaluation set; the other 30 are its background set (Lake, Salakhutdinov and Tenenbaum 2015)."""
VALIDATION = frozenset(_VALIDATION.split())
"""Of the background set: the validation alphabets of Vinyals' split, here also of the split by alphabets."""
CUT = "Gurmukhi", 41
"""The one alphabet that Vinyals' split cuts: its characters above this number are test classes."""


def omniglot_split(name: str, alphabets: Sequence[str], characters: Sequence[int]) -> ClassSplit:
    """A split of Omniglot's 1623 characters.

    ``"vinyals"``: 1028, 172 and 423 classes (Vinyals et al. 2016; the lists are those of Snell et al. 2017). ``"alphabets"``: 792, 172
    and 659, the evaluation set being the test part; papers train on all 964 background classes, of which 172 are kept here to select on.

    Args:
        name: ``"vinyals"`` or ``"alphabets"``.
        alphabets: name of each class's alphabet.
        characters: number of each class in its alphabet, from 1.

    Raises:
        InputError: for another name.
    """
    if name == "vinyals":
        last = [a == CUT[0] and c > CUT[1] for a, c in zip(alphabets, characters, strict=True)]
        test = np.array([a in VINYALS_TEST for a in alphabets]) | np.array(last)
    elif name == "alphabets":
        test = np.array([a in EVALUATION for a in alphabets])
    else:
        raise InputError(f"Omniglot has no split named {name!r}; choose vinyals, alphabets or random")
    val = np.array([a in VALIDATION for a in alphabets]) & ~test
    return ClassSplit(name, np.flatnonzero(~test & ~val), np.flatnonzero(val), np.flatnonzero(test))


def split_by_numbers(name: str, parts: Array) -> ClassSplit:
    """A split from a number for each class: 0 to train, 1 to validate, 2 to test.

    Raises:
        InputError: for other numbers.
    """
    if parts.ndim != 1 or not np.isin(parts, (0, 1, 2)).all():
        raise InputError(f"the split {name!r} must hold a number for each class: 0 to train, 1 to validate, 2 to test")
    return ClassSplit(name, *(np.flatnonzero(parts == part) for part in range(3)))
