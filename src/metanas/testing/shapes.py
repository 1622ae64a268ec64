"""One small task shape per kind of data."""

from metanas.spaces.shape import TaskShape

SHAPES = (
    TaskShape("table", (7,), 3, numeric=4),
    TaskShape("image", (3, 12, 9), 4),
    TaskShape("series", (2, 21), 3),
    TaskShape("sound", (1, 1600), 3, rate=8000),
    TaskShape("text", (11,), 2, vocabulary=50),
)
