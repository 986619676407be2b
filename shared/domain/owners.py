"""Whose a job is: somebody who signed in, who holds a token of their own, or nobody in particular."""

import hashlib
import re
from typing import Final

#: Of a job that was posted without a sign-in and without a token: whoever knows its id opens it, and no list has it.
ANONYMOUS: Final = "anonymous"
#: What the owner begins with of whom a token is all that is known; its SHA-256 follows.
TOKENS: Final = "token:"
#: 32 of these 64 characters are 192 bits, where they were drawn at random.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,128}")


def token_owner(token: str) -> str | None:
    """The owner of whom this token is all that is known; None for what is no token.

    Of the token only its digest is kept. It needs no salt and no slow hash: nobody guesses 192 random bits.
    """
    return TOKENS + hashlib.sha256(token.encode()).hexdigest() if _TOKEN.fullmatch(token) else None


def is_stranger(owner: str) -> bool:
    """Whether nobody stands behind this owner: the next one is made up as easily as this one was."""
    return owner == ANONYMOUS or owner.startswith(TOKENS)


def is_listed(owner: str) -> bool:
    """Whether the owner's jobs are in a list."""
    return owner != ANONYMOUS
