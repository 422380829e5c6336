"""What a mail server's refusal is about (RFC 5321, section 4.2; RFC 3463): the mailbox, or who we are, or itself."""

from __future__ import annotations

import re
from smtplib import SMTPDataError, SMTPRecipientsRefused

OURS_TO_MEND = re.compile(rb"5\.[57]\.\d")
THE_MAILBOX = re.compile(rb"[45]\.[12]\.\d")
ANY_DETAIL = re.compile(rb"[45]\.\d+\.\d")
MAILBOX_CODES = {450, 452, 550, 551, 552, 553}  # of a refused recipient, where nothing more is said


def is_for_good(trouble: Exception) -> bool:
    """Was it refused by a 5xx for what the mailbox is, and not for who we are?

    A refused sender, password, relay or policy (X.5 and X.7) is mended here, and the mail goes then.
    """
    refused = _refusals(trouble)
    return bool(refused) and all(code >= 500 and not OURS_TO_MEND.match(said) for code, said in refused)


def is_of_the_mailbox(trouble: Exception) -> bool:
    """Was it refused for what its own mailbox is, such as full? Of mail to others it says nothing."""
    refused = _refusals(trouble)
    return bool(refused) and all(_names_the_mailbox(trouble, code, said) for code, said in refused)


def _names_the_mailbox(trouble: Exception, code: int, said: bytes) -> bool:
    if ANY_DETAIL.match(said):
        return bool(THE_MAILBOX.match(said))
    return isinstance(trouble, SMTPRecipientsRefused) and code in MAILBOX_CODES


def _refusals(trouble: Exception) -> list[tuple[int, bytes]]:
    """What was said to the recipient or the mail; nothing where it was said to the sender, or by nobody."""
    if isinstance(trouble, SMTPRecipientsRefused):
        said: list[tuple[int, bytes | str]] = [*trouble.recipients.values()]
    elif isinstance(trouble, SMTPDataError):
        said = [(trouble.smtp_code, trouble.smtp_error)]
    else:
        return []
    return [(code, text if isinstance(text, bytes) else text.encode()) for code, text in said]
