"""What a mail server's refusal is about (RFC 5321, section 4.2; RFC 3463): the mailbox, or who we are, or itself.

Whom a server refuses for who we are, it mostly tells when it is told the recipient, or the mail. Some give no number of
RFC 3463 beside the code, or at the end of the line.
"""

from __future__ import annotations

import re
from smtplib import SMTPDataError, SMTPRecipientsRefused

DETAIL = re.compile(rb"(?:^|\(#)([45]\.\d{1,3}\.\d{1,3})\b")
# Of the system, the protocol or a policy, and of the sender's own address.
OURS_TO_MEND = re.compile(rb"[45]\.(?:[357]\.|1\.[78]$)")
THE_MAILBOX = re.compile(rb"[45]\.[12]\.")
# Where there is no such number: codes of a mailbox or a mail, and words that say whom it is about.
MAILBOX_CODES = {450, 452, 550, 551, 552, 553}
FINAL_CODES = MAILBOX_CODES | {554}
WE_ARE_NAMED = re.compile(rb"\b(?:relay(?:ing)?|sender|authentication)\b(?![.-]\w)", re.IGNORECASE)


def is_for_good(trouble: Exception) -> bool:
    """Was it refused by a 5xx for what the mailbox is, and not for who we are?

    A refused sender, password, relay or policy is mended here, and the mail goes then.
    """
    refused = _refusals(trouble)
    return bool(refused) and all(code >= 500 and not _is_ours_to_mend(code, said) for code, said in refused)


def is_of_the_mailbox(trouble: Exception) -> bool:
    """Was it refused for what its own mailbox is, such as full? Of mail to others it says nothing."""
    refused = _refusals(trouble)
    return bool(refused) and all(_names_the_mailbox(trouble, code, said) for code, said in refused)


def _is_ours_to_mend(code: int, said: bytes) -> bool:
    detail = DETAIL.search(said)
    if detail:
        return bool(OURS_TO_MEND.match(detail[1]))
    return code not in FINAL_CODES or bool(WE_ARE_NAMED.search(said))


def _names_the_mailbox(trouble: Exception, code: int, said: bytes) -> bool:
    detail = DETAIL.search(said)
    if detail:
        return bool(THE_MAILBOX.match(detail[1])) and not OURS_TO_MEND.match(detail[1])
    told_the_recipient = isinstance(trouble, SMTPRecipientsRefused) and code in MAILBOX_CODES
    return told_the_recipient and not WE_ARE_NAMED.search(said)


def _refusals(trouble: Exception) -> list[tuple[int, bytes]]:
    """What was said to the recipient or the mail; nothing where it was said to the sender, or by nobody."""
    if isinstance(trouble, SMTPRecipientsRefused):
        said: list[tuple[int, bytes | str]] = [*trouble.recipients.values()]
    elif isinstance(trouble, SMTPDataError):
        said = [(trouble.smtp_code, trouble.smtp_error)]
    else:
        return []
    return [(code, text if isinstance(text, bytes) else text.encode()) for code, text in said]
