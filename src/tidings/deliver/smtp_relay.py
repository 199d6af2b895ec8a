"""The SMTP transport as configured."""

from __future__ import annotations

import ssl

import msgspec

from tidings.config import Config, MailConfig
from tidings.deliver.dkim_keys import load_signer
from tidings.deliver.mx import Sites, SystemNames
from tidings.deliver.smtp import Relay, SmtpTransport
from tidings.deliver.smtp_direct import DirectTransport
from tidings.deliver.smtp_session import Login, Timeouts, Tls
from tidings.errors import InputError

_SMTP_PORT = 25

DIRECT = "direct"
"""Instead of a server's name: the servers of the recipients' domains, at port 25."""


def smtp_transport(config: Config) -> SmtpTransport | DirectTransport:
    """To the configured mail server, or without one. Raises InputError for a missing password, key or certificate file."""
    mail = config.mail
    relay = Relay(
        host=mail.smtp_host,
        port=mail.smtp_port,
        hello=mail.smtp_hello,
        tls=_tls(mail),
        login=_login(config) if mail.smtp_username else None,
    )
    timeouts = Timeouts(
        connect_s=mail.smtp_timeout_s,
        greeting_s=mail.smtp_timeout_s,
        command_s=mail.smtp_timeout_s,
        answer_s=mail.smtp_answer_timeout_s,
    )
    signer = None
    if mail.dkim_selector:
        signer = load_signer(config.data / "secrets", mail.dkim_selector, mail.from_address.rpartition("@")[2])
    if mail.smtp_host == DIRECT:
        like = msgspec.structs.replace(relay, port=_SMTP_PORT, tls=_opportunistic(mail), login=None)
        sites = Sites(SystemNames())
        return DirectTransport(sites, like, connections=mail.smtp_connections, timeouts=timeouts, signer=signer)
    return SmtpTransport(relay, connections=mail.smtp_connections, timeouts=timeouts, signer=signer)


def _login(config: Config) -> Login:
    path = config.data / "secrets" / "smtp.password"
    if not path.exists():
        msg = f"{path}: no such file, but mail.smtp_username is set; put the password into it"
        raise InputError(msg)
    return Login(username=config.mail.smtp_username, password=path.read_text("utf-8").partition("\n")[0])


def _opportunistic(mail: MailConfig) -> Tls | None:
    """Servers of others show certificates for all sorts of names, so TLS is used, and nobody's name is asked for."""
    if mail.smtp_tls == "never":
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return Tls(context=context, required=mail.smtp_tls == "always")


def _tls(mail: MailConfig) -> Tls | None:
    if mail.smtp_tls == "never":
        return None
    try:
        context = ssl.create_default_context(cafile=mail.smtp_tls_ca or None)
    except (OSError, ssl.SSLError) as error:
        msg = f"mail.smtp_tls_ca: got {mail.smtp_tls_ca!r}, which cannot be read as certificates: {error}"
        raise InputError(msg) from error
    if not mail.smtp_tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return Tls(context=context, implicit=mail.smtp_tls == "implicit", required=mail.smtp_tls == "always")
