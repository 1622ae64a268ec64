"""A process that writes to a store: ``store_writer.py PATH COUNT``; says each proposal's number once it is written."""

import sys

from experience_examples import FINGERPRINT, candidate, description, numbered, recorded, start

from metanas.experience import Experience

if __name__ == "__main__":
    one = candidate(0)
    sys.stdin.readline()
    with Experience(sys.argv[1]) as experience:
        experience.add_task(FINGERPRINT, description())
        search = start(experience)
        print(search, flush=True)
        for number in range(int(sys.argv[2])):
            recorded(experience, search, numbered(one, number), {"accuracy": number / 7})
            print(number, flush=True)
