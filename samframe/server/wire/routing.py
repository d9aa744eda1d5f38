"""Paths to endpoints in one regular expression: a router and its middleware cost more than an answer."""

from __future__ import annotations

import re

__all__ = ["VERBS", "find_endpoint"]

# A group's name is the endpoint, its text the id or name in the path. More specific paths come first.
_PATHS = re.compile(
    r"/v2/requests/(?P<status>[^/]+)/status"
    r"|/v2/requests/(?P<result>[^/]+)"
    r"|/outputs/(?P<output>[^/]+)"
    r"|/v2/(?P<submit>[^/]+)"
    r"|/v1/requests/(?P<poll>[^/]+)"
    r"|/assets/(?P<asset>[^/]+)"
    r"|/upload-asset(?P<upload>)"
    r"|/v1/get-user-credits(?P<credits>)"
    r"|/local/prepare(?P<prepare>)"
    r"|/inference-request/request-history(?P<history>)"
    r"|/inference-request/request-history/(?P<history_item>[^/]+)"
)
#: Endpoints that are not asked with GET.
VERBS = {"submit": "POST", "upload": "POST", "prepare": "POST"}


def find_endpoint(path: str) -> tuple[str, str]:
    """Return a path's endpoint, ``""`` for none, and the id or name in it.

    Examples
    --------
    >>> find_endpoint("/v2/requests/7/status")
    ('status', '7')
    >>> find_endpoint("/robots.txt")
    ('', '')
    """
    match = _PATHS.fullmatch(path)
    if match is None or match.lastgroup is None:
        return "", ""
    # The submit's poll_url is the older path of the same answer.
    name = "status" if match.lastgroup == "poll" else match.lastgroup
    return name, match[match.lastgroup]
