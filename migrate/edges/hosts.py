"""Which hosts may be sent prompts and keys: this machine, OpenAI's API, and those the *user* has allowed.

A repository's configuration names addresses, and a cloned repository is not the user: an address in it that leads
elsewhere is refused until the user, outside the repository, has allowed its host. Allowed are the entries of
`PROMPT_MIGRATE_ALLOWED_HOSTS` (commas between them) and of the file `prompt-migrate/allowed-hosts` in the user's
configuration folder (one a line, `#` for remarks):

    gateway.example.com          this host, by https
    *.example.com                every host below it
    gateway.example.com:8443     this port alone
    http://gateway.internal      also without encryption
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from migrate.errors import UsageProblem

VARIABLE: Final = "PROMPT_MIGRATE_ALLOWED_HOSTS"
USUAL: Final = frozenset({"api.openai.com"})
"""Where the SDK goes by itself."""


def refuse_foreign(url: str, what: str, environ: Mapping[str, str]) -> None:
    """Raise UsageProblem when an address leads to a host that the user has not allowed; `what` names its setting."""
    host = foreign_host(url, environ)
    if host is not None:
        raise UsageProblem(
            f"{what} leads to {host}, which you have not allowed: nothing was sent",
            hint=f"it may be allowed if you trust it with keys and prompts, here or by a line in {_shown(environ)}",
            next_command=f"export {VARIABLE}={host}",
        )


def foreign_host(url: str, environ: Mapping[str, str]) -> str | None:
    """Return the entry that would allow an address, None when it is allowed already."""
    allowed = [*_entries(environ)]
    for parts in _addressed(urlsplit(url)):
        if not (_is_here(parts.hostname or "") or _is_usual(parts) or any(_covers(entry, parts) for entry in allowed)):
            return _entry(parts)
    return None


def _addressed(parts: SplitResult) -> Iterator[SplitResult]:
    """Yield the address, and those that a database's URL may name in its query."""
    if parts.hostname:
        yield parts
    if parts.scheme.startswith("postgres"):
        for name, value in parse_qsl(parts.query):
            if name in ("host", "hostaddr", "service"):
                hosts = [host for host in value.split(",") if not host.startswith(("/", "@"))]
                yield from (urlsplit(f"{parts.scheme}://{host}") for host in hosts)


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_usual(parts: SplitResult) -> bool:
    return parts.scheme == "https" and parts.hostname in USUAL and parts.port in (None, 443)


def _covers(entry: str, parts: SplitResult) -> bool:
    scheme, mark, place = entry.rpartition("://")
    if parts.scheme == "http" and scheme != "http":
        return False
    if mark and scheme != parts.scheme:
        return False
    given = urlsplit(f"//{place}")
    try:
        port = given.port
    except ValueError:
        return False
    return (port is None or port == parts.port) and fnmatchcase(parts.hostname or "", given.hostname or "")


def _entry(parts: SplitResult) -> str:
    """Return an address as the list of allowed hosts writes it."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return ("http://" if parts.scheme == "http" else "") + (f"{host}:{parts.port}" if parts.port else f"{host}")


def _entries(environ: Mapping[str, str]) -> Iterator[str]:
    written = environ.get(VARIABLE, "").split(",")
    path = _path(environ)
    if path is not None and path.is_file():
        lines = path.read_text("utf-8", errors="replace").splitlines()
        written += [line.partition("#")[0] for line in lines]
    yield from (entry.strip().rstrip("/").lower() for entry in written if entry.strip())


def _path(environ: Mapping[str, str]) -> Path | None:
    if environ.get("XDG_CONFIG_HOME"):
        return Path(environ["XDG_CONFIG_HOME"], "prompt-migrate", "allowed-hosts")
    return Path(environ["HOME"], ".config", "prompt-migrate", "allowed-hosts") if environ.get("HOME") else None


def _shown(environ: Mapping[str, str]) -> str:
    usual = "~/.config/prompt-migrate/allowed-hosts"
    return str(_path(environ)) if environ.get("XDG_CONFIG_HOME") else usual
