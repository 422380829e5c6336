"""How much room there is on the disks that the site writes to. Once one is full, nothing is written, and acts are a 503."""

from __future__ import annotations

from pathlib import Path
from shutil import disk_usage
from typing import NamedTuple

from django.conf import settings
from django.db import connection

MEGABYTE = 1_000_000
LITTLE, ALMOST_NONE = 1000 * MEGABYTE, 100 * MEGABYTE


class Disk(NamedTuple):
    """One that has little room left."""

    folder: Path
    megabytes: int
    is_almost_full: bool


def nearly_full() -> list[Disk]:
    """Those of DATA_DIR and, where it lies elsewhere, of SQLite's file: each disk once."""
    folders = [Path(settings.DATA_DIR)]
    if connection.vendor == "sqlite":
        folders.append(Path(str(connection.settings_dict["NAME"])).parent)
    disks = {folder.stat().st_dev: folder for folder in reversed(folders)}
    free = ((folder, disk_usage(folder).free) for folder in disks.values())
    return [Disk(folder, left // MEGABYTE, left < ALMOST_NONE) for folder, left in free if left < LITTLE]
