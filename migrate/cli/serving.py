"""A page on this machine, served from a terminal: its link, and an end by Ctrl-C or when nobody asks."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from migrate.cli.printing import print_lines

if TYPE_CHECKING:
    from migrate.edges.serving import PageServer


def serve(server: PageServer, what: str, *, show: bool, idle: int) -> None:
    """Say where the page is and serve it until it ends; `idle` in minutes."""
    import signal
    import webbrowser

    link = server.door.link
    print_lines([f"{what}: {link}", "the link lets one browser in, once; Ctrl-C ends the review"])
    if show:
        webbrowser.open(link)
    # A shell that starts it in the background has it ignore Ctrl-C; a plain `kill` ends it with its summary too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        server.serve(idle * 60.0)
