"""The best recurrent network for a text: cell, layers, widths, direction and connections are searched for.

    python examples/recurrent_text.py [reviews.csv --text review --target label] [--trials 8]

Without a file it makes sentences of its own, in which a "not" turns the meaning of the next word round.
"""

import argparse
import csv
import random
import tempfile
from pathlib import Path

import metanas
from metanas.spaces import make_space

parser = argparse.ArgumentParser()
parser.add_argument("file", nargs="?", type=Path)
parser.add_argument("--text", default="text")
parser.add_argument("--target", default="label")
parser.add_argument("--trials", type=int, default=8)
options = parser.parse_args()


def recurrent(shape):
    """The space of sequences, with recurrent layers alone: plain, LSTM or GRU."""
    layers = {f"layer{k}.op": ["rnn", "lstm", "gru"] for k in (1, 2, 3)}
    return make_space("sequence", shape).narrowed({**layers, "depth": [1, 2, 3]})


def sentences(path):
    """Some hundred sentences with their meaning."""
    draw = random.Random(0)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for _ in range(600):
            good, turned = draw.random() < 0.5, draw.random() < 0.5
            word = draw.choice(["fine", "great", "lovely"] if good else ["poor", "awful", "dull"])
            start = draw.choice(["the film was", "we found the food", "all in all it is"])
            rows.writerow([f"{start} {'not ' if turned else ''}{word}", "up" if good != turned else "down"])
    return path


with tempfile.TemporaryDirectory() as folder:
    file = options.file or sentences(Path(folder) / "sentences.csv")
    task = metanas.Task.read(file, text=options.text, target=options.target)
    found = metanas.search(task, space=recurrent, trials=options.trials, workers=0, store=False, out=Path(folder) / "run")
    print(f"test accuracy {found.score:.3f} with {found.result.parameters:,} parameters:")
    for line in found.result.network:
        print(f"  {line}")
