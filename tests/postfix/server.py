"""A Postfix of the tests' own: private folders and port, TLS by a certificate authority of its own, mail into maildirs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.programs import program, run

MAILBOXES = ("ann@x.example", "b@bounce.shop.example")
"""Whom it knows; ``b+…`` is ``b``. Others of these domains are refused only after the mail was taken, by a bounce."""

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.x.example
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_reject_unlisted_recipient = no
disable_dns_lookups = yes
recipient_delimiter = +
message_size_limit = 1000000
virtual_mailbox_domains = x.example, bounce.shop.example
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {mailboxes} }}
virtual_minimum_uid = 100
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_tls_security_level = may
smtpd_tls_chain_files = {folder}/server.pem
smtpd_tls_received_header = yes
smtpd_tls_auth_only = yes
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}/log
"""


class Postfix:
    """A running one."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.certificates = folder / "ca.pem"
        """Whom to trust."""
        self._folder = folder

    def mails(self, mailbox: str, count: int, timeout_s: float = 20.0) -> list[bytes]:
        """What lies in a mailbox, once it is so many; the test fails with the server's log when it takes too long."""
        arrived = self._folder / "mail" / mailbox / "new"
        ends_s = time.monotonic() + timeout_s
        while not arrived.exists() or len(found := sorted(arrived.iterdir())) < count:
            if time.monotonic() > ends_s:
                pytest.fail(f"{mailbox}: no {count} mails in {timeout_s} s\n{self.log()[-3000:]}", pytrace=False)
            time.sleep(0.05)
        return [path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for path in found]

    def log(self) -> str:
        """What the server wrote about itself."""
        path = self._folder / "log" / "mail.log"
        return path.read_text("utf-8", "replace") if path.exists() else "(no log)"


@contextmanager
def running() -> Iterator[Postfix]:
    """Started, and stopped at the end. Postfix's master process must be root's."""
    postfix = program("postfix", "postfix")
    if os.geteuid() != 0:
        pytest.fail("a test with a real Postfix must run as root: its master process insists on it", pytrace=False)
    folder = Path(tempfile.mkdtemp(prefix="tidings-postfix-"))
    folder.chmod(0o755)  # its processes are of another user
    try:
        port = _free_port()
        _configure(folder, port)
        run([postfix, "-c", str(folder / "etc"), "start"], folder)
        server = Postfix(folder, port)
        try:
            _wait_for(server)
            yield server
        finally:
            subprocess.run([postfix, "-c", str(folder / "etc"), "stop"], capture_output=True, check=False, timeout=30)
    finally:
        shutil.rmtree(folder)


def _configure(folder: Path, port: int) -> None:
    for name in ("etc", "queue", "data", "mail", "log"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    shutil.chown(folder / "mail", "postfix", "postfix")
    daemons = run([program("postconf", "postfix"), "-dh", "daemon_directory"], folder).strip()
    owner = (folder / "mail").stat()
    values = {
        "folder": folder,
        "daemons": daemons,
        "uid": owner.st_uid,
        "gid": owner.st_gid,
        "mailboxes": ", ".join(f"{{ {name} = {name}/ }}" for name in MAILBOXES),
    }
    (folder / "etc" / "main.cf").write_text(_MAIN.format_map(values))
    (folder / "etc" / "master.cf").write_text(_MASTER.format(port=port))
    _certificates(folder)


def _certificates(folder: Path) -> None:
    """An authority, and a server certificate for localhost by it."""
    openssl = program("openssl", "openssl")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run(
        [openssl, "req", "-x509", *new, "-days", "2", "-subj", "/CN=Tests", "-keyout", "ca.key", "-out", "ca.pem"],
        folder,
    )
    run([openssl, "req", *new, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"], folder)
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    run(
        [openssl, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
         "-extfile", "names", "-out", "server.crt"], folder,
    )  # fmt: skip
    chain = (folder / "server.key").read_bytes() + (folder / "server.crt").read_bytes()
    (folder / "server.pem").write_bytes(chain)
    (folder / "server.pem").chmod(0o600)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(server: Postfix) -> None:
    ends_s = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
                if connection.recv(200).startswith(b"220 "):
                    return
        except OSError as error:
            if time.monotonic() > ends_s:
                pytest.fail(f"Postfix does not answer: {error}\n{server.log()[-3000:]}", pytrace=False)
            time.sleep(0.05)
