"""Generated tables of categories and flags: rules, games, votes."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from ..raw import Array, Raw, Request, binned, source


def _words(codes: Array, prefix: str = "v") -> pd.DataFrame:
    """Whole numbers as a table of categories."""
    return pd.DataFrame({f"{prefix}{i}": pd.Series(column.astype(str)).radd("c") for i, column in enumerate(np.asarray(codes).T)})


@source("monks", "generated", tasks=5, classes=2, problem=(1, 2, 3), idle=(0, 4))
def _monks(request: Request) -> Raw:
    """The three problems of the monks (Thrun et al. 1991) over six categories, and idle categories beside them."""
    rng, n = request.rng, request.rows
    sizes = np.array([3, 3, 2, 3, 4, 2, *[3] * request.options["idle"]])
    a = (rng.uniform(size=(n, len(sizes))) * sizes).astype(np.int64) + 1
    match request.options["problem"]:
        case 1:
            y = (a[:, 0] == a[:, 1]) | (a[:, 4] == 1)
        case 2:
            y = (a[:, :6] == 1).sum(1) == 2
        case _:
            y = ((a[:, 4] == 3) & (a[:, 3] == 1)) | ((a[:, 4] != 4) & (a[:, 1] != 3))
            y ^= rng.uniform(size=n) < 0.05
    return Raw(_words(a), y.astype(np.int64))


@source("balance_scale", "generated", tasks=3, classes=3, levels=(5, 8), words=(False, True))
def _balance(request: Request) -> Raw:
    """To which side a scale tips: weight times distance on both sides (Siegler 1976), as numbers or as categories."""
    a = request.rng.integers(1, request.options["levels"] + 1, (request.rows, 4))
    y = np.sign(a[:, 0] * a[:, 1] - a[:, 2] * a[:, 3]) + 1
    return Raw(_words(a) if request.options["words"] else a.astype(np.float64), y.astype(np.int64))


@source("tic_tac_toe", "generated", tasks=4, rows=5478, classes=3, what=("winner", "moves", "threat"))
def _tic_tac_toe(request: Request) -> Raw:
    """Boards of the game after any number of moves: who has won, who wins with perfect play, or whether the next move can win."""
    lines = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]
    known: dict[tuple[int, ...], tuple[int, int, int]] = {}

    def visit(board: tuple[int, ...], player: int) -> tuple[int, int, int]:
        """Who has won (0 nobody, 1, 2), who will, and whether the player to move can win at once."""
        if board not in known:
            won = next((board[a] for a, b, c in lines if board[a] and board[a] == board[b] == board[c]), 0)
            after = []
            if not won:
                free = [place for place in range(9) if not board[place]]
                after = [visit((*board[:place], player, *board[place + 1 :]), 3 - player) for place in free]
            ends = {end for _, end, _ in after}
            end = won or (player if player in ends else 0 if 0 in ends or not ends else 3 - player)
            known[board] = won, end, int(any(now == player for now, _, _ in after))
        return known[board]

    visit((0,) * 9, 1)
    column = {"winner": 0, "moves": 1, "threat": 2}[request.options["what"]]
    boards = np.array(list(known), np.int64)
    return Raw(_words(boards, "square"), np.array([answer[column] for answer in known.values()], np.int64))


@source("led", "generated", tasks=4, classes=10, wrong=(0.1, 0.2, 0.05), idle=(0, 17))
def _led(request: Request) -> Raw:
    """Digits on a display of seven lights, each of which may be wrong, and idle lights (Breiman et al. 1984)."""
    rng, n = request.rng, request.rows
    lights = np.array([list(map(int, format(segments, "07b"))) for segments in (119, 18, 93, 91, 58, 107, 111, 82, 127, 123)])
    y = rng.integers(0, 10, n)
    x = lights[y] ^ (rng.uniform(size=(n, 7)) < request.options["wrong"])
    return Raw(np.concatenate([x, rng.integers(0, 2, (n, request.options["idle"]))], 1).astype(np.float64), y)


@source("loans", "generated", tasks=7, classes=2, function=(5, 1, 2, 6, 9), wrong=(0.05, 0.0))
def _loans(request: Request) -> Raw:
    """Who gets a loan by one of five of the rules of Agrawal et al. 1993, "Database Mining", over salary, age, education and the like."""
    rng, n = request.rng, request.rows
    salary, age, loan = rng.uniform(20e3, 150e3, n), rng.integers(20, 81, n), rng.uniform(0, 500e3, n)
    commission = np.where(salary >= 75e3, 0, rng.uniform(10e3, 75e3, n))
    level, car, town, years = rng.integers(0, 5, n), rng.integers(1, 21, n), rng.integers(0, 9, n), rng.integers(1, 31, n)
    value = rng.uniform(0.5, 1.5, n) * 1e5 * (9 - town)
    young, middle = age < 40, (age >= 40) & (age < 60)
    low, wide = np.where(young, 50e3, np.where(middle, 75e3, 25e3)), 50e3
    in_salary = (salary >= low) & (salary <= low + wide)
    total = salary + commission
    rules = {
        1: young | (age >= 60),
        2: in_salary,
        5: np.where(in_salary, (loan >= 1e5) & (loan <= 3e5), (loan >= 2e5) & (loan <= 4e5)),
        6: (total >= low) & (total <= low + wide),
        9: 2 * total / 3 - 5e3 * level - 0.2 * loan + 0.2 * value * np.maximum(years - 20, 0) / 10 > 1e4,
    }
    y = rules[request.options["function"]] ^ (rng.uniform(size=n) < request.options["wrong"])
    numbers = {"salary": salary, "commission": commission, "age": age, "value": value, "years": years, "loan": loan}
    words = {"education": level, "car": car, "town": town}
    table = pd.DataFrame({**numbers, **{name: pd.Series(column.astype(str)).radd("c") for name, column in words.items()}})
    return Raw(table, y.astype(np.int64))


@source("parity", "generated", tasks=4, classes=2, bits=(3, 2, 4), idle=(5, 12), wrong=(0.0, 0.1))
def _parity(request: Request) -> Raw:
    """Whether an odd number of a few hidden bits is set, among idle ones."""
    rng, o = request.rng, request.options
    x = rng.integers(0, 2, (request.rows, o["bits"] + o["idle"]))
    chosen = rng.permutation(x.shape[1])[: o["bits"]]
    return Raw(x.astype(np.float64), (x[:, chosen].sum(1) % 2) ^ (rng.uniform(size=request.rows) < o["wrong"]))


@source("formulas", "generated", tasks=5, classes=2, flags=(16, 30), terms=(6, 12), width=(3, 4))
def _formulas(request: Request) -> Raw:
    """A random formula in disjunctive normal form over flags."""
    rng, o = request.rng, request.options
    x = rng.integers(0, 2, (request.rows, o["flags"]))
    y = np.zeros(len(x), bool)
    for _ in range(o["terms"]):
        chosen = rng.permutation(o["flags"])[: o["width"]]
        y |= (x[:, chosen] == rng.integers(0, 2, o["width"])).all(1)
    return Raw(x.astype(np.float64), y.astype(np.int64))


@source("votes", "generated", tasks=5, classes=3, questions=(16, 30), missing=(0.05, 0.2), bins=(3, 0))
def _votes(request: Request) -> Raw:
    """Answers yes, no or none to questions by people on a line: their third of the line, or the place on it (item response theory)."""
    rng, o, n = request.rng, request.options, request.rows
    place = rng.normal(size=n)
    slope, middle = rng.normal(size=o["questions"]), rng.normal(size=o["questions"])
    yes = rng.uniform(size=(n, o["questions"])) < 1 / (1 + np.exp(-2 * slope * (place[:, None] - middle)))
    answers = pd.DataFrame({f"q{i}": np.where(column, "yes", "no") for i, column in enumerate(yes.T)})
    table = answers.mask(rng.uniform(size=yes.shape) < o["missing"])
    return Raw(table, binned(place, o["bins"]) if o["bins"] else place)


@source("sums_of_words", "generated", tasks=5, words=(5, 8), levels=(4, 8), noise=(0.2, 0.6))
def _sums_of_words(request: Request) -> Raw:
    """A number that is the sum of what each category is worth, and of some pairs of categories."""
    rng, o, n = request.rng, request.options, request.rows
    codes = rng.integers(0, o["levels"], (n, o["words"]))
    worth = rng.normal(size=(o["words"], o["levels"]))
    y = worth[np.arange(o["words"]), codes].sum(1)
    for a, b in list(product(range(o["words"]), repeat=2))[: 2 * o["words"] : 3]:
        y = y + 0.8 * rng.normal(size=(o["levels"], o["levels"]))[codes[:, a], codes[:, b]]
    return Raw(_words(codes), y + rng.normal(0, o["noise"] * y.std(), n))
