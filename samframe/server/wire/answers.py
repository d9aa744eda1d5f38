"""The bodies that the API answers with: JSON, JSON errors, and the HTML pages that its proxies serve."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["error_answer", "html_answer", "json_answer"]


def json_answer(content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return compact JSON.

    Parameters
    ----------
    content : JSON value
        The body; NaN is written as Python does, for the faults that need it.
    status_code : int
        HTTP status.
    headers : mapping of str to str, optional
        Further headers.
    """
    return Response(
        json.dumps(content, separators=(",", ":")), status_code, headers, media_type="application/json"
    )


def error_answer(status_code: int, error: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return ``{"error": "<text>"}``."""
    return json_answer({"error": error}, status_code, headers)


def html_answer(status_code: int, headers: Mapping[str, str] | None = None) -> Response:
    """Return the page of a proxy that knows no JSON."""
    title = f"{status_code} {HTTPStatus(status_code).phrase}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body>\r\n</html>\r\n"
    return Response(page, status_code, headers, media_type="text/html")
