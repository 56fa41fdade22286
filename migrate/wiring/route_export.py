"""An exported file of routes, read again and held against them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate.errors import UsageProblem

if TYPE_CHECKING:
    from migrate.routing import RouteReport


def export_flaws(path: Path, report: RouteReport, form: str) -> list[str]:
    """Return where a file, `litellm` or `routes`, sends a flow elsewhere than its route; empty where it does not."""
    from migrate.edges.exporters.litellm import route_config_flaws
    from migrate.edges.exporters.routes import routes_flaws

    document = _read(path, form)
    return list(route_config_flaws(document, report) if form == "litellm" else routes_flaws(document, report))


def _read(path: Path, form: str) -> Any:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        return yaml.safe_load(text) if form == "litellm" else json.loads(text)
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise UsageProblem(f"{path} is not what an export is: {str(error).splitlines()[0]}") from None


__all__ = ["export_flaws"]
