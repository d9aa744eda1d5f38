"""The API key: the one object that holds the secret, and the log filter that keeps it out of other people's logs."""

from __future__ import annotations

import hashlib
import logging
import re

from samframe.errors import AuthenticationError, OptionError

__all__ = ["ApiKey", "RedactingFilter", "hide_in_logs"]

HOW_TO_GET_ONE = (
    "Get a key at https://cloud.segmind.com/console/api-keys and set SEGMIND_API_KEY, or pass "
    "samframe.Client(api_key=...). To try without one: df.sam.segment(..., client=samframe.offline())."
)

# Segmind's keys: "SG_" and 16 hex digits. Longer ones are let through, other vendors' keys are not: sending
# those to Segmind would give a secret away.
_SEGMIND_SHAPE = re.compile(r"SG_[0-9A-Za-z]{8,128}")
_HEADER_SAFE = re.compile(r"[\x21-\x7e]{1,256}")

_SHORTEST_SECRET = 8

_HTTP_LOGGERS = (
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore2",
    "httpcore2.connection",
    "httpcore2.http11",
    "httpcore2.http2",
    "httpcore2.proxy",
)


class ApiKey:
    """A secret that prints as stars.

    Parameters
    ----------
    secret : str
        The key. White space around it is dropped.
    strict : bool
        True for Segmind's own hosts: the key must have Segmind's form.

    Raises
    ------
    AuthenticationError
        If it is empty.
    OptionError
        If it cannot be a key. The message never repeats it.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: str, *, strict: bool) -> None:
        problem = _why_no_key(secret, strict=strict)
        if problem is not None:
            del secret  # a traceback that shows the variables of its frames must not show this one
            raise problem
        self._secret = secret.strip()

    def reveal(self) -> str:
        """Return the secret itself, for the header of one request."""
        return self._secret

    def hide_in(self, data: bytes) -> bytes:
        """Return the bytes with stars in the place of the secret: a server may repeat what it was sent."""
        secret = self._secret.encode()
        is_word = (
            len(secret) < _SHORTEST_SECRET
        )  # of the offline server's kind: no secret, and found in good answers
        return data if is_word or secret not in data else data.replace(secret, b"***")

    def fingerprint(self, salt: bytes) -> str:
        """Return 16 hex digits that tell two keys apart and do not give either away."""
        return hashlib.pbkdf2_hmac("sha256", self._secret.encode(), salt, 10_000).hex()[:16]

    def __repr__(self) -> str:
        return "ApiKey(***)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("An API key is not pickled: pass the key by SEGMIND_API_KEY to the other process.")


def _why_no_key(secret: object, *, strict: bool) -> Exception | None:
    """Return what is wrong with a key, as an exception that does not repeat it; None where nothing is."""
    if not isinstance(secret, str):
        return OptionError(f"The API key is text; it is a {type(secret).__name__}. Nothing was sent.")
    text = secret.strip()
    if not text:
        return AuthenticationError(
            f"There is no API key: none was given and SEGMIND_API_KEY is not set. {HOW_TO_GET_ONE}"
        )
    if not _HEADER_SAFE.fullmatch(text):
        return OptionError(
            f"The API key holds {len(text)} characters that cannot all be sent in a header "
            "(a line break or a non-ASCII character, perhaps from copying). Nothing was sent."
        )
    if strict and not _SEGMIND_SHAPE.fullmatch(text):
        return OptionError(
            "The API key has not the form of a Segmind key (SG_ and 16 hex digits). Nothing was sent. "
            f"{HOW_TO_GET_ONE}"
        )
    return None


class RedactingFilter(logging.Filter):
    """Replaces one secret by stars in every record that passes, arguments and all."""

    def __init__(self, key: ApiKey) -> None:
        super().__init__()
        self._key = key

    def hides(self, key: ApiKey) -> bool:
        """Return whether this filter hides that key already."""
        return self._key.reveal() == key.reveal()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True always; a record that holds the secret is rewritten first."""
        message = record.getMessage()
        if self._key.reveal() in message:
            record.msg = message.replace(self._key.reveal(), "***")
            record.args = None
        return True


def hide_in_logs(key: ApiKey) -> None:
    """Put a filter for ``key`` on the HTTP libraries' loggers (filters do not pass from parents to children)."""
    for name in _HTTP_LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(old, RedactingFilter) and old.hides(key) for old in logger.filters):
            logger.addFilter(RedactingFilter(key))
