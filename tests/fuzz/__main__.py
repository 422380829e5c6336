"""`make fuzz`: the tests of this folder, twenty times as long and from another seed each round, until the time is up."""

from __future__ import annotations

import os
import subprocess
import sys
from secrets import randbelow
from time import monotonic

PYTEST = [sys.executable, "-m", "pytest", "tests/fuzz", "-q", "-x", "-p", "no:cacheprovider", "--timeout=0"]


def fuzz(minutes: float) -> int:
    """Rounds until `minutes` are over, the last cut short; 1 at the first finding, whose seed was printed."""
    end, rounds = monotonic() + minutes * 60, 0
    while (left := end - monotonic()) > 0:
        seed = randbelow(2**32)
        print(f"\n=== Round {rounds + 1}, seed {seed}: {left / 60:.1f} minutes left", flush=True)
        command = [*PYTEST, f"--hypothesis-seed={seed}", f"--randomly-seed={seed}"]
        try:
            done = subprocess.run(command, env=os.environ | {"FUZZ_PROFILE": "long"}, check=False, timeout=left)
        except subprocess.TimeoutExpired:
            break
        if done.returncode:
            print(f"Found something. Again: FUZZ_PROFILE=long .venv/bin/python {' '.join(command[1:])}")
            return 1
        rounds += 1
    print(f"\nNothing was found in {minutes:g} minutes: {rounds} whole rounds, and one cut short.")
    return 0


if __name__ == "__main__":
    sys.exit(fuzz(float(os.environ.get("FUZZ_MINUTES", "30"))))
