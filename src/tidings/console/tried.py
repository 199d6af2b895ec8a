"""The page on which a journey is tried as a person: which way she would go now, and each mail as she would get it.

It shows, and sends nothing; `tidings dry-run --send` sends the mails to one's own address.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from tidings.console import body, dry_run, people, standing
from tidings.console.dry_run import Trial
from tidings.console.site import Site, missing, of, text_from
from tidings.console.store import Store
from tidings.errors import TidingsError
from tidings.process.journey import Journey, entry_words
from tidings.render.template import Template, load_templates
from tidings.versions.shelf import Versions


def page(request: Request) -> Response:
    """The form, and what came of it."""
    site = of(request)
    journey, who = _journey(site, request), text_from(request, "as", 120)
    with site.store() as store:
        found = people.search(store, who)[:1] if who else []
        tried, problem = _tried(site, store, journey, found[0]["profile_id"]) if found else (None, "")
    if who and not found:
        problem = f"Nobody is known by {who}."
    return site.page(
        request,
        "try.html",
        title="Try it as a person",
        journey=journey,
        entry=entry_words(journey),
        who=who,
        person=found[0] if found else None,
        tried=tried,
        problem=problem,
    )


def mail(request: Request) -> Response:
    """One of the mails, for a frame on that page: sandboxed, its links dead."""
    site = of(request)
    journey, step = _journey(site, request), request.path_params["step"]
    with site.store() as store:
        tried, _ = _tried(site, store, journey, text_from(request, "as", 120))
    made = next((one.rendered for one in tried.mails if one.step == step), None) if tried is not None else None
    if made is None:
        raise missing("This mail cannot be made.")
    images = body.picture_sites(made.html, site.config.public_url)
    return HTMLResponse(made.html, headers={"Content-Security-Policy": body.policy(images, popups=False)})


def _journey(site: Site, request: Request) -> Journey:
    definitions = site.workspace.shown().definitions
    name = request.path_params["name"]
    found = definitions.named(name) if definitions is not None else None
    if found is None:
        raise missing(f"No journey {name[:80]} runs.")
    return found


def _tried(site: Site, store: Store, journey: Journey, profile_id: str) -> tuple[Trial | None, str]:
    """(what came of it, else why nothing did)."""
    definitions = site.workspace.shown().definitions
    with site.states.look() as state:
        found = standing.people(state, definitions, [profile_id]) if state is not None else []
    if definitions is None or not found:
        return (
            None,
            "Her state is not there, or not in the memories of the definitions that run, as just after a change.",
        )
    shelf = Versions(site.config.data)
    try:
        templates = _templates(shelf.current(site.config.workspace), shelf.stamp())
        kit = dry_run.kit(site.config, templates)
        return dry_run.trial(store, definitions, journey, found[0], site.clock.now_us(), kit), ""
    except TidingsError as error:
        return None, str(error)


@lru_cache(maxsize=2)
def _templates(folder: Path, stamp: int) -> Mapping[str, Template]:  # noqa: ARG001 - another stamp is another version
    return load_templates(folder / "templates")
