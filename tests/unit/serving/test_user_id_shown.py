"""Of several user ids of one person the reading copy shows the one that she goes by now."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.resources import files

from tidings.domain import profile as profiles
from tidings.ids import profile_id
from tidings.serving import people


def test_the_user_id_shown_is_the_one_that_founded_the_profile() -> None:
    state = profiles.new(profile_id("user_id", "zoe"), "", 0)
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(files("tidings.serving").joinpath("schema.sql").read_text("utf-8"))
        for ids, shown in [(["zoe"], "zoe"), (["3f2a", "zoe"], "zoe"), (["a", "b"], "a"), ([], None)]:
            state.identifiers = [("anonymous_id", "0"), *(("user_id", one) for one in ids)]
            people.store(db, {state.profile_id: profiles.encode(state)}, {}, None)
            assert db.execute("SELECT user_id FROM people").fetchall() == [(shown,)]
