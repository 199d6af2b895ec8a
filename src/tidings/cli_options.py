"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def config_option(about: str = "Configuration file.") -> Callable[[Command], Command]:
    """``--config``, as `path`."""
    return click.option(
        "--config",
        "path",
        type=click.Path(path_type=Path),
        default=Path("tidings.toml"),
        show_default=True,
        help=about,
    )
