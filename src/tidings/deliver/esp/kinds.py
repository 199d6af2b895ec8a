"""The mail services that there are."""

from __future__ import annotations

from tidings.deliver.esp.base import Esp
from tidings.deliver.esp.braze import Braze
from tidings.deliver.esp.brevo import Brevo
from tidings.deliver.esp.iterable import Iterable
from tidings.deliver.esp.mailgun import Mailgun
from tidings.deliver.esp.postmark import Postmark
from tidings.deliver.esp.resend import Resend
from tidings.deliver.esp.sendgrid import SendGrid
from tidings.deliver.esp.ses import Ses
from tidings.deliver.esp.sparkpost import SparkPost
from tidings.deliver.esp.webhook import Webhook

ESPS: dict[str, Esp] = {
    one.name: one
    for one in (
        Ses(),
        SendGrid(),
        Postmark(),
        Mailgun(),
        Resend(),
        Brevo(),
        SparkPost(),
        Braze(),
        Iterable(),
        Webhook(),
    )
}
"""By the name in the configuration. A new one is a file of its own and a line here."""
