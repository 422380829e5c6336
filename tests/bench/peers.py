"""The published packages that `BENCH_PEERS=1` measures, and a scratch environment for them.

They are installed from the package index as it is configured on the machine. What they share with us (Django,
django-otp, the server, the hasher, cryptography) has the versions that we run, so that one Django is measured, not two.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Folders of tests/bench/projects, and the packages by which people know them.
PEERS = {
    "allauth": "django-allauth",
    "two_factor": "django-two-factor-auth",
    "otp_webauthn": "django-otp and -webauthn",
}
PACKAGES = [
    "django-allauth[mfa]==65.22.1",
    "django-formtools==2.7",
    "django-otp-webauthn==0.10.3",
    "django-phonenumber-field==8.5.0",
    "django-two-factor-auth==1.18.1",
    "fido2==2.2.1",
]
SHARED = ["argon2-cffi", "cbor2", "cryptography", "django", "django-otp", "granian"]


def installed(folder: Path) -> Path:
    """Install the peers into `folder`: the Python that runs them."""
    python, ours = folder / "bin" / "python", folder / "ours.txt"
    done = subprocess.run([sys.executable, "-m", "venv", folder], check=False)
    if not done.returncode:
        ours.write_text("".join(f"{package.name}=={package.version}\n" for package in distributions()))
        pip = [python, "-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*pip, "--constraint", ours, *PACKAGES, *SHARED], check=False)
    if done.returncode:
        sys.exit("The peers could not be installed; see above. Without BENCH_PEERS, make bench needs no network.")
    return python
