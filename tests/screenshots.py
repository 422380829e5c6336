"""`make screenshots`: a picture of every page and state, wide and on a phone, light and dark, in screenshots/.

With words, only of the states that have one of them in their names. The pages
are those of tests/browser/catalogue.py, on a live server with a database of its own.
"""

import subprocess
import sys
from pathlib import Path
from shutil import rmtree

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "screenshots"


def main(*words: str) -> int:
    """Take them, and say where they are."""
    if not words:
        rmtree(PICTURES, ignore_errors=True)
    chosen = ["-k", " or ".join(words)] if words else []
    how = ["-p", "no:randomly", "-n", "2", "-q", "--no-header", *chosen]
    command = [sys.executable, "-m", "pytest", *how, "tests/browser/pictures.py"]
    done = subprocess.run(command, cwd=ROOT, check=False).returncode
    if done == 0:
        print(f"{len(list(PICTURES.glob('*.png')))} pictures are in {PICTURES}")
    return done


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
