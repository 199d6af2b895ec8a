"""The console role: serves the web console on ``console.host``:``console.port`` until SIGTERM or SIGINT."""

from __future__ import annotations

from collections.abc import Callable

from tidings.config import Config
from tidings.console import serve
from tidings.console.app import create_app
from tidings.hosts import broadcast
from tidings.hosts.bounds import Bounds
from tidings.hosts.mistyped import look
from tidings.hosts.plan import plan
from tidings.versions.broadcasts import Checked

LOOK = Bounds(memory_mb=256, limit_s=20.0)
"""What a look at the types of properties may cost here; it is of the latest days only."""
BOUNDS = Bounds(people=2_000, memory_mb=256, events=1_000_000, limit_s=20.0)
"""What the effect of a change may cost here, where pages are waited for; beyond it the page says which command to run."""

WHO = "the console"
"""Who asked for what a button did."""


def run(config: Config, ready: Callable[[dict[str, object]], None]) -> None:
    """Serve; `ready` gets ``url``, ``host`` and ``port``. Raises PortTaken."""
    sock = serve.bind(config.console.host, config.console.port, "console.port")
    app = create_app(
        config,
        plan=lambda: plan(config, config.workspace, BOUNDS),
        types=lambda: look(config, LOOK),
        broadcaster=_Broadcaster(config),
    )
    told: dict[str, object] = {
        "url": serve.address(sock),
        "host": config.console.host,
        "port": sock.getsockname()[1],
    }
    serve.serve_role(app, sock, on_start=lambda: ready(told), before_stop=app.state.hub.stop)


class _Broadcaster:
    """What the buttons of broadcasts do."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def check(self, name: str) -> Checked:
        """See `console.site.Broadcaster`."""
        return broadcast.check(self._config, name)

    def start(self, checked: Checked, *, again: bool) -> object:
        """See `console.site.Broadcaster`."""
        return broadcast.start(self._config, checked, WHO, again=again)

    def move(self, name: str, what: str) -> object:
        """See `console.site.Broadcaster`."""
        return broadcast.move(self._config, name, what, WHO)
