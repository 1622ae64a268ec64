"""Texts: questions, news, plays, captions, and made-up strings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..raw import Raw, Request, numbered, source

_LETTERS = (("letters", {"size": 48}), ("letters", {"size": 24}), ("hashed", {"size": 64}))
_SYMBOLS = np.array(list("abcdefghijklmnop"))


@source("trec", "text", tasks=7, rows=5952, classes=6, licence="none stated for the data", shipped=False, what=("label", "fine", "words"))
def _trec(request: Request) -> Raw:
    """Questions: what is asked for, in six or ten classes, or whether the question is long, from its first three words."""
    table = pd.read_parquet(request.data / "trec/trec.parquet")
    if request.options["what"] == "fine":
        table = table[table.fine.isin(table.fine.value_counts().index[:10])]
        return Raw(table.text.to_numpy(str), numbered(table.fine))
    if request.options["what"] == "words":
        words = table.text.str.split()
        return Raw(words.str[:3].str.join(" ").to_numpy(str), (words.str.len() > words.str.len().median()).to_numpy(np.int64))
    return Raw(table.text.to_numpy(str), table.label.to_numpy(np.int64))


@source("ag_news", "text", tasks=7, rows=7600, classes=4, licence="research and other non-commercial use", shipped=False, words=(0, 8, 4))
def _ag_news(request: Request) -> Raw:
    """News: the topic, of all of the text or of its first words."""
    table = pd.read_parquet(request.data / "ag_news_small/ag_news_small.parquet")
    words = request.options["words"]
    text = table.text.str.split().str[:words].str.join(" ") if words else table.text
    return Raw(text.to_numpy(str), numbered(table.label))


@source(
    "shakespeare",
    "text",
    tasks=7,
    rows=6000,
    classes=4,
    licence="text in the public domain",
    views=_LETTERS,
    what=("place", "lines", "time"),
)
def _shakespeare(request: Request) -> Raw:
    """Passages of 160 letters: from which quarter of the plays, how many line breaks (a number), or the place (a number)."""
    with np.load(request.data / "tinyshakespeare/tinyshakespeare.npz") as arrays:
        text = "".join(arrays["vocab"][np.concatenate([arrays[f"x_{part}"] for part in ("train", "val", "test")])])
    places = np.sort(request.rng.permutation(len(text) // 161)[:6000]) * 161
    passages, share = [text[p : p + 160] for p in places], places / len(text)
    lines = np.array([float(passage.count("\n")) for passage in passages])
    targets = {"place": (4 * share).astype(np.int64), "lines": lines, "time": share}[request.options["what"]]
    return Raw(np.array(passages), targets)


@source("multi30k", "text", tasks=7, rows=6000, classes=3, licence="none stated", shipped=False, what=("language", "number", "length"))
def _multi30k(request: Request) -> Raw:
    """Captions: the language of a piece of 12 letters, whether one or several are seen, or the letters of the German text (a number)."""
    table = pd.read_parquet(request.data / "multi30k/multi30k.parquet").iloc[:: 4 if request.options["what"] == "language" else 5]
    what, rng = request.options["what"], request.rng
    if what == "language":
        y = rng.integers(0, 3, len(table))
        texts = [row[k] for row, k in zip(table[["en", "de", "fr"]].to_numpy(), y, strict=True)]
        starts = [int(rng.integers(0, max(1, len(text) - 12))) for text in texts]
        return Raw(np.array([text[s : s + 12] for text, s in zip(texts, starts, strict=True)]), y)
    if what == "number":
        words = table.en.str.split()
        return Raw(words.str[1:].str.join(" ").to_numpy(str), (~words.str[0].isin(["A", "An", "The"])).to_numpy(np.int64))
    return Raw(table.en.to_numpy(str), table.de.str.len().to_numpy(np.float64))


@source("markov_text", "text", tasks=6, classes=4, views=_LETTERS, length=(20, 40, 80), concentration=(0.3, 0.6))
def _markov(request: Request) -> Raw:
    """Strings of 16 letters: which of four random Markov chains wrote them."""
    rng, n, length = request.rng, request.rows, request.options["length"]
    y = rng.integers(0, 4, n)
    common = rng.dirichlet(np.full(16, 0.5), 16)
    chains = np.cumsum(0.6 * common + 0.4 * rng.dirichlet(np.full(16, request.options["concentration"]), (4, 16)), axis=-1)
    letters = np.zeros((n, length), np.int64)
    letters[:, 0] = rng.integers(0, 16, n)
    for t in range(1, length):
        letters[:, t] = np.minimum((rng.uniform(size=(n, 1)) > chains[y, letters[:, t - 1]]).sum(1), 15)
    return Raw(np.array(["".join(row) for row in _SYMBOLS[letters]]), y)


@source("templates", "text", tasks=5, classes=5, topics=(5, 10), noise=(0.6, 0.7, 0.8))
def _templates(request: Request) -> Raw:
    """Sentences of made-up words: each topic has words of its own, and most words are anybody's."""
    rng, topics, n = request.rng, request.options["topics"], request.rows
    made = np.array(["".join(rng.choice(["ba", "ke", "di", "mo", "lu", "ta", "ri", "so"], rng.integers(2, 4))) for _ in range(400)])
    y, length = rng.integers(0, topics, n), rng.integers(5, 15, n)
    own = rng.integers(0, 400, (topics, 12))
    texts = []
    for topic, words in zip(y, length, strict=True):
        anybody = rng.uniform(size=words) < request.options["noise"]
        texts.append(" ".join(made[np.where(anybody, rng.integers(0, 400, words), rng.choice(own[topic], words))]))
    return Raw(np.array(texts), y)
