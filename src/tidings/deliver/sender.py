"""The sender identity as configured."""

from __future__ import annotations

from tidings.config import Config
from tidings.errors import InputError
from tidings.render.headers import sendable
from tidings.render.mail import Sender


def sender_of(config: Config) -> Sender:
    """What messages are made with besides templates. Raises InputError for an address that cannot send."""
    mail = config.mail
    if sendable(mail.from_address) != mail.from_address:
        msg = f"mail.from_address: got {mail.from_address!r}, wanted a plain address such as hello@shop.example"
        raise InputError(msg)
    if mail.bounce_domain and sendable(f"b@{mail.bounce_domain}") != f"b@{mail.bounce_domain}":
        msg = f"mail.bounce_domain: got {mail.bounce_domain!r}, wanted a domain name such as bounce.shop.example"
        raise InputError(msg)
    return Sender(
        from_name=mail.from_name,
        from_address=mail.from_address,
        public_url=config.public_url,
        shop_url=mail.shop_url.rstrip("/"),
        postal_address=mail.postal_address,
        bounce_domain=mail.bounce_domain,
    )
