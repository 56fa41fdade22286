"""What a ledger's journal may be: which SQLite and which file system can be trusted with a write-ahead log.

Read by `doctor` too, so nothing here needs SQLAlchemy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MOUNTS: Final = Path("/proc/self/mountinfo")
NETWORKED: Final = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
    }
)
_NETWORKED_BY_A_PROGRAM: Final = re.compile(r"fuse\.(?:sshfs|s3fs|rclone|glusterfs|ceph|davfs|gcsfuse|goofys|smbnetfs)")
_SYNCED: Final = re.compile(
    r"Dropbox|OneDrive(?: - .+)?|Google ?Drive|iCloud ?Drive|Mobile Documents|Nextcloud|ownCloud"
)


def wal_is_sound(version: tuple[int, int, int]) -> bool:
    """Tell whether this SQLite is free of the WAL-reset fault, which can lose commits of two connections.

    Source: https://sqlite.org/wal.html#walresetbug: 3.7.0 to 3.51.2, mended in 3.51.3, 3.50.7 and 3.44.6.
    """
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)


def network_file_system(path: Path) -> str | None:
    """Return the kind of network file system a path is on, None where it is a local one or cannot be told.

    A write-ahead log needs memory that all its readers share, so there it is no choice (https://sqlite.org/wal.html).
    """
    kind = max(_mounts(path), default=(0, ""))[1]
    return kind if kind in NETWORKED or _NETWORKED_BY_A_PROGRAM.fullmatch(kind) else None


def synced_folder(path: Path) -> str | None:
    """Return the folder above a path whose name is that of a service that copies files behind one's back."""
    return next((part for part in path.absolute().parts if _SYNCED.fullmatch(part)), None)


def _mounts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield length and kind of every mount that a path is under; the longest is where it is."""
    try:
        lines, place = MOUNTS.read_text("utf-8", "surrogateescape").splitlines(), path.resolve()
    except OSError:
        return
    for line in lines:
        # 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue (man 5 proc)
        mounted, _, about = line.partition(" - ")
        words, kind = mounted.split(" "), about.split(" ")[0]
        if len(words) > 4:
            point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), words[4]))
            if place.is_relative_to(point):
                yield len(point.parts), kind
