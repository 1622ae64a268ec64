"""Folders of pictures, a sub-folder per class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from metanas.errors import InputError
from metanas.interfaces import TaskReader
from metanas.tasks import pictures
from metanas.tasks.build import Found, assemble
from metanas.tasks.folders import find, holds, note_broken
from metanas.tasks.options import Options
from metanas.tasks.task import Task, check_source


class ImageReader(TaskReader):
    """PNG and JPEG files of mixed sizes, grey or in colour; ``train/`` and ``test/`` above the classes are respected."""

    def reads(self, path: Path) -> bool:
        """A folder with pictures in it."""
        return holds(path, pictures.SUFFIXES)

    def read(self, path: Path, **options: Any) -> Task:
        """The task; options: size, mirror, metric, seed, name. Files that can't be read are skipped and named in the notes.

        Raises:
            InputError: if there are no readable pictures of at least two classes.
        """
        asked = Options.of(options)
        asked.require("a folder of pictures", "size", "mirror")
        if asked.data not in (None, "image") or asked.problem == "regression":
            raise InputError("a folder of pictures by class is a task of image classification; leave --kind out")
        files = find(check_source(path), pictures.SUFFIXES, "pictures")
        heads = [pictures.header(p) for p in files.paths]
        opened = [i for i, head in enumerate(heads) if head is not None]
        known = [head for head in heads if head is not None]
        if not known:
            raise InputError(f"none of the {len(heads)} pictures in {str(path)!r} can be read; the first is {str(files.paths[0])!r}")
        telling = [head for head, learned in zip(heads, files.learned, strict=True) if learned and head is not None] or known
        size = pictures.common_size([head[:2] for head in telling], asked.size)
        channels = 3 if any(head[2] for head in telling) else 1
        some_files = files.keep(opened)
        x, good = pictures.load_all(some_files.paths, size, channels)
        kept = some_files.keep(good)
        loaded = set(kept.paths)
        notes = list(note_broken([p for p in files.paths if p not in loaded], "picture", path))
        if len({head[:2] for head in known}) > 1 or known[0][:2] != size:
            notes.append(f"all pictures were brought to {size[1]} x {size[0]} pixels (width x height); --size changes that")
        if pictures.all_grey(x[kept.learned]):
            x = x[:, :1].copy()
            notes.append("the colour pictures hold only grey, so they have one channel here")
        found = Found(
            name=path.name,
            data="image",
            inputs=x,
            values=list(kept.classes),
            target="label",
            given=kept.given,
            notes=notes,
            source=str(path.resolve()),
            facts={"mirror": asked.mirror},
        )
        return assemble(found, replace(asked, problem="classification"))
