"""``python -m metanas`` is the command ``metanas``."""

from metanas.cli import main

if __name__ == "__main__":
    main()
