"""The simulated provider: a real HTTP server on loopback that answers like five models with known habits.

Nothing here judges answers: the room knows nothing of `migrate.comparing`, so that its habit log can serve
as an independent account of what every reply did wrong.
"""

from migrate.edges.providers.simulated.launcher import SimulatedServer, child_command

__all__ = ["SimulatedServer", "child_command"]
