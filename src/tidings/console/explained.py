"""The page that says why a journey sent somebody nothing; `tidings why-not` says the same."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tidings.console import standing, why_not
from tidings.console.site import missing, of

_TONES = {"accepted": "good", "running": "good", "queued": "good", "attempting": "good", "refused": "bad"}
"""The colour of a verdict; a warning otherwise."""


def page(request: Request) -> Response:
    """One person and one journey."""
    site = of(request)
    definitions = site.workspace.shown().definitions
    journey, profile_id = request.path_params["journey"], request.path_params["profile_id"]
    if definitions is None or definitions.named(journey) is None:
        raise missing(f"No journey {journey[:80]} runs.")
    now_us = site.clock.now_us()
    with site.states.look() as state:
        found = standing.people(state, definitions, [profile_id]) if state is not None else []
    with site.store() as store:
        person = store.serving.row("person", profile_id)
        if person is None:
            raise missing(f"Nobody has the profile id {profile_id[:40]}.")
        answer = why_not.why_not(store, definitions, journey, profile_id, now_us, found[0] if found else None)
    return site.page(
        request,
        "why_not.html",
        title="Why not?",
        person=person,
        answer=answer,
        journeys=[*definitions.journeys, *definitions.broadcasts],
        tone=_TONES.get(answer.verdict.kind, "warn"),
    )
