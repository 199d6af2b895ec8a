"""kill -9 of the deliver role, again and again, while messages go to a server with a gap between dot and answer."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.deliver_role import CONNECTIONS, Life, log_file, make_place
from tests.unit.deliver.messages import NOW_US, intent, message_id, suppression
from tests.unit.deliver.scripted_smtp import ScriptedServer, serving
from tidings.deliver.ledger import Ledger
from tidings.hosts.nudge import Nudger

MESSAGES = 1_500
KILLS = 32
GAP_S = 0.003


class Taken:
    """What the server took: copies per message id, with the bytes of each."""

    def __init__(self) -> None:
        self.copies: Counter[str] = Counter()
        self.bytes: dict[str, set[bytes]] = {}

    def __call__(self, _recipient: str, data: bytes) -> None:
        number = data.partition(b"Message-ID: <")[2].partition(b"@")[0].decode()
        self.copies[number] += 1
        self.bytes.setdefault(number, set()).add(data)


def kill_loop(folder: Path, mode: str, taken: Taken) -> tuple[int, Ledger]:
    """Queue all messages, run lives that are killed at random instants, then one that may finish."""
    rng = random.Random(7)
    with serving(ScriptedServer(answer_delay_s=GAP_S, took=taken)) as port, log_file(folder) as log:
        config = make_place(folder, port)
        ledger = Ledger(config.data / "ledger.db")
        ledger.add([intent(n, mode=mode) for n in range(MESSAGES)], [])
        kills = 0
        while kills < KILLS and ledger.counts().get("queued", 0) > 50:
            life = Life(folder, log)
            time.sleep(rng.uniform(0.005, 0.055))
            life.kill()
            kills += 1
        life = Life(folder, log)
        deadline_s = time.monotonic() + 60
        while ledger.queued() and time.monotonic() < deadline_s:
            time.sleep(0.02)
        assert life.stop() == 0
    return kills, ledger


def states(ledger: Ledger) -> dict[str, str]:
    return {message_id(n): ledger.message(message_id(n)).state for n in range(MESSAGES)}


def test_at_most_once_never_sends_twice_and_lists_what_it_does_not_know(tmp_path: Path) -> None:
    taken = Taken()
    kills, ledger = kill_loop(tmp_path, "at_most_once", taken)
    found = states(ledger)
    doubtful = {number for number, state in found.items() if state == "in_doubt"}
    lost = {number for number in found if taken.copies[number] == 0}
    print(f"kills {kills}, in doubt {len(doubtful)}, of these not taken {len(lost)}")
    assert kills >= 30
    assert set(found.values()) <= {"accepted", "in_doubt"}
    assert max(taken.copies.values()) == 1, "sent twice"
    assert lost <= doubtful, "lost without a word"
    assert 0 < len(doubtful) <= kills * CONNECTIONS
    ledger.close()


def test_at_least_once_loses_nothing_and_repeats_at_most_what_was_in_flight(tmp_path: Path) -> None:
    taken = Taken()
    kills, ledger = kill_loop(tmp_path, "at_least_once", taken)
    duplicates = sum(taken.copies.values()) - len(taken.copies)
    print(f"kills {kills}, duplicates {duplicates}, most copies {max(taken.copies.values())}")
    assert kills >= 30
    assert set(states(ledger).values()) == {"accepted"}
    assert len(taken.copies) == MESSAGES
    assert 0 < duplicates <= kills * CONNECTIONS
    # A copy is the same message: same Message-ID, same Date, same bytes, so that receivers can drop it.
    assert {len(one) for one in taken.bytes.values()} == {1}
    ledger.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_after_a_suppression_is_committed_nothing_more_goes_out(tmp_path: Path, seed: int) -> None:
    taken, people = Taken(), 600
    rng = random.Random(seed)
    too_late: set[str] = set()
    with serving(ScriptedServer(answer_delay_s=GAP_S, took=taken)) as port, log_file(tmp_path) as log:
        config = make_place(tmp_path, port)
        ledger = Ledger(config.data / "ledger.db")
        ledger.add([intent(n) for n in range(people)], [])
        life = Life(tmp_path, log)
        for n in rng.sample(range(people), people // 2):
            ledger.add([], [suppression(f"p{n}@x.example", rng.choice(["*", "marketing"]), known_us=NOW_US)])
            if ledger.message(message_id(n)).state == "queued":
                too_late.add(message_id(n))  # the suppression is on the disk and the message has not begun to leave
        deadline_s = time.monotonic() + 30
        while ledger.queued() and time.monotonic() < deadline_s:
            time.sleep(0.02)
        life.stop()
    found = {number: ledger.message(number).state for number in too_late}
    assert len(too_late) > 50, "the race was not one"
    assert set(found.values()) == {"suppressed"}
    assert not too_late & set(taken.copies)
    assert len(taken.copies) + ledger.counts()["suppressed"] == people
    ledger.close()


def test_a_second_role_on_the_same_data_directory_refuses_to_start(tmp_path: Path) -> None:
    with serving(ScriptedServer()) as port, log_file(tmp_path) as log:
        make_place(tmp_path, port)
        life = Life(tmp_path, log)
        with pytest.raises(RuntimeError, match="another deliver role runs"):
            Life(tmp_path, log)
        assert life.stop() == 0


def test_a_nudge_wakes_the_sleeping_role_at_once_and_no_log_line_names_a_person(tmp_path: Path) -> None:
    taken = Taken()
    with serving(ScriptedServer(took=taken)) as port, log_file(tmp_path) as log:
        config = make_place(tmp_path, port)
        ledger = Ledger(config.data / "ledger.db")
        life = Life(tmp_path, log)
        nudger = Nudger(config.data / "run" / "deliver.sock")
        time.sleep(0.2)
        started_s = time.monotonic()
        ledger.add([intent(1), intent(2, address="canary@bad..example"), intent(3, template="canary")], [])
        nudger.nudge()
        while ledger.queued() and time.monotonic() < started_s + 4:
            threading.Event().wait(0.001)
        took_s = time.monotonic() - started_s
        life.stop()
        nudger.close()
    assert took_s < 1.0, "it waited for its own look instead of the nudge"
    assert ledger.counts() == {"accepted": 1, "refused": 2}
    words = (tmp_path / "role.log").read_text()
    assert "refused" in words
    assert not [word for word in ("p1@", "canary@", "Ann", "x.example") if word in words]
    ledger.close()
