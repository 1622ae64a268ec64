"""Makes ``docs/terminal.svg``, the picture in the README, from the folder of a finished run.

    python docs/terminal_picture.py runs/demo

The words are those that the run itself printed: the closing summary of its ``result.json``.
"""

import argparse
import io
import re
from pathlib import Path
from typing import Any

from rich.console import Console

from metanas.delivery import print_summary, read_result

WIDTH = 108
"""Columns of the terminal."""


class Wrapping(Console):
    """A console that wraps long lines: a picture has an edge at which they would be cut off."""

    def print(self, *objects: Any, **options: Any) -> None:
        """The same without soft wrapping."""
        super().print(*objects, **{**options, "soft_wrap": False})


def picture(folder: Path, command: str) -> str:
    """The summary of the run in ``folder`` as SVG, below the command line that led to it."""
    console = Wrapping(record=True, width=WIDTH, force_terminal=True, file=io.StringIO())
    console.print(f"$ {command}", highlight=False, markup=False)
    print_summary(read_result(folder), folder, console)
    svg = console.export_svg(title="metanas")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # no fonts from elsewhere: the reader's own will do


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of a finished run")
    parser.add_argument("--command", default="metanas search digits --budget 60s --max-params 50k", help="that led to it")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("terminal.svg"))
    given = parser.parse_args()
    given.out.write_text(picture(given.folder, given.command), encoding="utf-8")
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
