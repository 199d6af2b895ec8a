"""From the moment a client sends an event over HTTP to the moment the mail server has the message it triggers.

All roles run as they do in production; 500 single-event requests a second come in, a tenth of which trigger a message. First with one live journey, then with twenty.
Measured outside: the client notes when it sends, our own bare SMTP sink notes when the final dot has arrived.

    python -m benchmarks.latency [--seconds S] [--rate R] [--share S] [--journeys N]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import random
import shutil
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.process import WORKSPACE
from tidings.config import CollectConfig, Config, MailConfig
from tidings.hosts.supervisor import Supervisor, free_ports

ARRIVED: dict[str, float] = {}

LIVE = 20
"""Journeys that are live beside the cart journey, that of the trigger among them."""
JOURNEY = """\
journey: at_once
entry: {event: Trigger}
steps:
  - id: send
    send: {template: welcome, category: transactional}
"""
BESIDE = """\
journey: beside_{n}
entry: {{event: Product Viewed}}
reentry: {{after: {n}m}}
steps:
  - id: knows_us
    branch:
      if: {{any: [{{did: {{event: Order Completed, at_least: {n}, within: 90d}}}}, {{trait: email, exists: true}}]}}
      then: look_back
  - id: decide
    wait_until: {{event: [Order Completed, Product Added], timeout: {n}s, restart_on: Product Viewed}}
  - id: look_back
    wait: {n}m
  - id: half
    split: {{remind: 50, leave_alone: 50}}
  - id: remind
    send: {{template: welcome, category: marketing}}
  - id: leave_alone
    exit: left alone
"""
"""Runs of these are always under way: they begin, wait, are restarted and end all the time."""


async def smtp_session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As little SMTP as the sender needs; notes when each recipient's message is complete."""
    writer.write(b"220 sink\r\n")
    recipient = ""
    while line := await reader.readline():
        command = line[:4].upper()
        if command == b"EHLO":
            writer.write(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
        elif command == b"RCPT":
            recipient = line.split(b"<")[1].split(b">")[0].decode()
            writer.write(b"250 ok\r\n")
        elif command == b"DATA":
            writer.write(b"354 go\r\n")
            await writer.drain()
            await reader.readuntil(b"\r\n.\r\n")
            ARRIVED[recipient] = time.perf_counter()
            writer.write(b"250 taken\r\n")
        elif command == b"QUIT":
            writer.write(b"221 bye\r\n")
            break
        else:
            writer.write(b"250 ok\r\n")
        await writer.drain()
    writer.close()


def sink(port: int) -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(asyncio.start_server(smtp_session, "127.0.0.1", port))
        loop.run_forever()

    threading.Thread(target=serve, daemon=True).start()
    return loop


async def client(port: int, rate: int, seconds: float, share: float, name: str) -> dict[str, float]:
    """Send on 8 connections at a steady rate; when each triggering request was sent, by address."""
    sent: dict[str, float] = {}
    rng = random.Random(1)
    token = base64.b64encode(b"wk:").decode()
    head = f"POST /v1/{{}} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {token}\r\nContent-Type: application/json\r\nContent-Length: {{}}\r\n\r\n"

    async def one(lane: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def post(path: str, event: dict[str, object]) -> None:
            body = json.dumps(event).encode()
            writer.write(head.format(path, len(body)).encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(
                next(h for h in answer.lower().split(b"\r\n") if h.startswith(b"content-length")).split(b":")[1]
            )
            await reader.readexactly(length)
            assert b" 200 " in answer.split(b"\r\n")[0], answer

        start, count = time.perf_counter() + lane / rate, 0
        while (due := start + count * 8 / rate) < start + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            count += 1
            person = f"{name}-{lane}-{count}"
            if rng.random() < share:
                address = f"p{person}@bench.example"
                await post("identify", {"userId": person, "messageId": f"i{person}", "traits": {"email": address}})
                sent[address] = time.perf_counter()
                await post("track", {"userId": person, "messageId": f"t{person}", "event": "Trigger"})
            else:
                await post(
                    "track", {"userId": f"u{rng.randrange(2000)}", "messageId": f"v{person}", "event": "Product Viewed"}
                )
        writer.close()

    await asyncio.gather(*(one(lane) for lane in range(8)))
    return sent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--journeys", type=int, default=LIVE)
    options = parser.parse_args()
    alone = measure(options, 1)
    beside = measure(options, options.journeys)
    ratios = ", ".join(f"p{share} {at(beside, share) / at(alone, share):.2f}" for share in (50, 99))
    print(f"{options.journeys} live journeys to one: {ratios} times")


def at(late: list[float], share: int) -> float:
    """The latency that so many percent of messages do not exceed, in milliseconds."""
    return late[int(len(late) * share / 100)]


def measure(options: argparse.Namespace, live: int) -> list[float]:
    """Run all roles with so many live journeys; the latency of each message in milliseconds, sorted."""
    folder = Path(tempfile.mkdtemp(prefix="tidings-latency-"))
    workspace = folder / "workspace"
    shutil.copytree(WORKSPACE, workspace)
    (workspace / "journeys" / "at_once.yml").write_text(JOURNEY)
    for n in range(1, live):
        (workspace / "journeys" / f"beside_{n}.yml").write_text(BESIDE.format(n=n))
    collect, smtp = free_ports(2)
    sink(smtp)
    config = Config(
        data=folder / "data",
        workspace=workspace,
        collect=CollectConfig(port=collect, write_keys={"wk": "web"}),
        mail=MailConfig(smtp_port=smtp),
    )
    supervisor = Supervisor(config, ["collect", "process", "deliver", "project"])
    supervisor.start()
    try:
        asyncio.run(client(collect, options.rate, 2, options.share, "warm"))  # warm up
        ARRIVED.clear()
        sent = asyncio.run(client(collect, options.rate, options.seconds, options.share, "run"))
        deadline = time.monotonic() + 20
        while len(ARRIVED) < len(sent) and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        supervisor.stop()
    shutil.rmtree(folder, ignore_errors=True)
    late = sorted((ARRIVED[address] - then) * 1000 for address, then in sent.items() if address in ARRIVED)
    missing = len(sent) - len(late)
    print(
        f"{live} live: {len(late):,} messages at {options.rate} events/s ({missing} missing), HTTP request sent to SMTP accept:"
        f" p50 {at(late, 50):.1f} ms, p95 {at(late, 95):.1f} ms, p99 {at(late, 99):.1f} ms, max {late[-1]:.1f} ms",
        flush=True,
    )
    return late


if __name__ == "__main__":
    main()
