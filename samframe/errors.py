"""The exception tree: every error samframe raises on purpose.

::

    SamframeError
    ├── OptionError (ValueError)      a keyword, column or environment variable is wrong
    │   └── UnknownOptionError (TypeError)   a keyword that the function does not have
    ├── ImageError (ValueError)       a cell is no image samframe can send
    ├── MaskError (ValueError)        bytes, runs or an array are no mask
    ├── LabelError (ValueError)       a file or folder of labels cannot be read as a whole
    ├── LedgerError                   the ledger cannot be trusted or written
    ├── RowsFailedError               on_error="raise": some rows have no result
    └── ApiError                      the API stopped the call as a whole
        ├── AuthenticationError       401: no key, or a key that was refused
        ├── PermissionDeniedError     403: the account may not use the model
        ├── ModelUnavailableError     404, 405, 410: no such model, or retired
        ├── CreditsError              406: no credits left, or a spend limit reached
        ├── ContractError             the server does not speak the API's contract
        └── ConnectionFailedError     nothing could be sent

One row's trouble is data (``status``, ``error``); these are for the call as a whole. Each carries its facts as
keyword fields, so that a handler need not parse the message.
"""

from __future__ import annotations

import base64
import html
from typing import Any

__all__ = [
    "ApiError",
    "AuthenticationError",
    "ConnectionFailedError",
    "ContractError",
    "CreditsError",
    "ImageError",
    "LabelError",
    "LedgerError",
    "MaskError",
    "ModelUnavailableError",
    "OptionError",
    "PermissionDeniedError",
    "RowsFailedError",
    "SamframeError",
    "UnknownOptionError",
]


class SamframeError(Exception):
    """Base of every error that samframe raises on purpose.

    Parameters
    ----------
    message : str
        What happened, to what, what it cost, and what to do.
    frame : pandas.DataFrame, optional
        The result so far, where a call had one: no finished row is lost to an exception.
    """

    def __init__(self, message: str, *, frame: Any = None) -> None:
        super().__init__(message)
        self.frame = frame

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by message and fields, so that errors cross processes whole."""
        return (type(self), self.args, self.__dict__)


class OptionError(SamframeError, ValueError):
    """A keyword, a column or an environment variable is wrong."""


class UnknownOptionError(OptionError, TypeError):
    """A call has a keyword that the function does not know: a TypeError too, as Python's own for this is."""


class ImageError(SamframeError, ValueError):
    """A cell holds no image that samframe can send."""


class MaskError(SamframeError, ValueError):
    """Bytes, runs or an array are no mask."""


class LabelError(SamframeError, ValueError):
    """A file or a folder of labels cannot be read as a whole; one bad label is a row with an ``error`` instead."""


class LedgerError(SamframeError):
    """The ledger of paid jobs cannot be read, written or trusted."""


class ApiError(SamframeError):
    """The API stopped the call as a whole.

    Parameters
    ----------
    message : str
        What happened and what to do.
    status_code : int, optional
        HTTP status of the answer, None where there was none.
    frame : pandas.DataFrame, optional
        The rows that were done before.
    """

    def __init__(self, message: str, *, status_code: int | None = None, frame: Any = None) -> None:
        super().__init__(message, frame=frame)
        self.status_code = status_code


class AuthenticationError(ApiError):
    """The key is missing or was refused (HTTP 401)."""


class PermissionDeniedError(ApiError):
    """The account may not use this model (HTTP 403)."""


class ModelUnavailableError(ApiError):
    """The model does not exist (HTTP 404, 405) or is retired (HTTP 410)."""


class CreditsError(ApiError):
    """No credits are left, or a spend limit is reached (HTTP 406)."""


class ContractError(ApiError):
    """The server does not speak the API's contract: a redirect, foreign JSON, outputs that are no masks.

    Parameters
    ----------
    message, status_code, frame
        As for :class:`ApiError`.
    came_png, sent_png : bytes, optional
        Small pictures of what came back and of the image that was sent, as PNG files; a notebook shows them side by
        side.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        frame: Any = None,
        came_png: bytes | None = None,
        sent_png: bytes | None = None,
    ) -> None:
        super().__init__(message, status_code=status_code, frame=frame)
        self.came_png = came_png
        self.sent_png = sent_png

    def _repr_html_(self) -> str:
        pictures = [("sent", self.sent_png), ("came back", self.came_png)]
        cells = "".join(
            f"<figure style='margin:0 1em 0 0'><img alt='{words}' style='max-width:240px' "
            f"src='data:image/png;base64,{base64.b64encode(png).decode()}'><figcaption>{words}</figcaption></figure>"
            for words, png in pictures
            if png is not None
        )
        return f"<div><p>{html.escape(str(self))}</p><div style='display:flex'>{cells}</div></div>"


class ConnectionFailedError(ApiError):
    """Nothing could be sent: DNS, connection or TLS failed for every try."""


class RowsFailedError(SamframeError):
    """With ``on_error="raise"``: rows have no result. ``frame`` holds all of them, done or not."""
