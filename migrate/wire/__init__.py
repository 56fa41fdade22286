"""How answers look on the wire: bodies and streams read into replies and written again, statuses sorted."""

from typing import Final

OWN_CLIENT: Final = "prompt_migrate_own_client"
"""Attribute of the HTTP clients that the product itself asks through: their calls belong to no application."""
