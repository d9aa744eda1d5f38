"""What a local server is told when it is made: engine, pace, limits, money and the form of its outputs."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from samframe.ground.contract import DEFAULT_MODEL, MAX_IMAGE_SIDE_PX, OUTPUT_DAYS, RECORD_SECONDS

if TYPE_CHECKING:
    from samframe.server.protocol import Engine, ServedEngine

__all__ = ["Latency", "OutputForm", "ServerConfig", "lognormal"]

#: A job's simulated service time in seconds: a number, or a callable asked once for each accepted job.
Latency = float | Callable[[], float]


def lognormal(median_s: float, *, sigma: float = 0.5, seed: int = 0) -> Callable[[], float]:
    """Return a source of lognormal service times for `ServerConfig.latency_s`.

    Parameters
    ----------
    median_s : float
        The median service time, in seconds.
    sigma : float
        Standard deviation of the logarithm.
    seed : int
        The same seed draws the same times in the same order.

    Returns
    -------
    callable
        Draws the next service time, in seconds.
    """
    draw = random.Random(seed)  # noqa: S311 - a latency model, no secret
    lock = threading.Lock()

    def service_s() -> float:
        with lock:
            return median_s * draw.lognormvariate(0.0, sigma)

    return service_s


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputForm:
    """The form of the mask image that a job answers with: the API's own is not documented.

    Parameters
    ----------
    file_format : {"PNG", "JPEG", "WEBP"}
        Container. JPEG rings around the mask's edges, as a real one would.
    mode : {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}
        Pillow's mode of the file; JPEG knows L and RGB, WEBP knows RGB and RGBA.
    high : int
        Value of the foreground: 255 or 1 (65535 or 1 where `mode` is ``"I;16"``; 255 is taken as 65535).
    quality : int
        JPEG and lossy WEBP quality, 1 to 95.
    size_hw : (int, int), optional
        Height and width in pixels, None for the image's own.
    inline : {"base64", "data-uri"}
        What ``base64=true`` answers with.
    always_inline : bool
        Answer inline although no base64 was asked for.
    several : {"urls", "mapping", "zip"}
        How several masks of a job are told: a list of URLs (their scores and boxes beside them in ``images``), a
        mapping of ``masks``, ``scores`` and ``boxes``, or the URL of one archive.
    style : {"mask", "alpha", "cut-out", "coloured", "soft", "overlay"}
        What the file shows: black and white, the mask as transparency, the image where the mask is, the mask in blue,
        levels of grey, the mask painted on the image. All but the first have modes and values of their own.
    letterbox : bool
        Whether `size_hw` is reached by bars around the picture and not by stretching it.
    """

    file_format: Literal["PNG", "JPEG", "WEBP"] = "PNG"
    mode: Literal["1", "L", "LA", "P", "RGB", "RGBA", "I;16"] = "L"
    high: int = 255
    quality: int = 90
    size_hw: tuple[int, int] | None = None
    inline: Literal["base64", "data-uri"] = "base64"
    always_inline: bool = False
    several: Literal["urls", "mapping", "zip"] = "urls"
    style: Literal["mask", "alpha", "cut-out", "coloured", "soft", "overlay"] = "mask"
    letterbox: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Options of a local server. The defaults are the contract's, with an engine that costs nothing.

    Parameters
    ----------
    engine : "offline", ServedEngine or Engine
        What makes the masks: the offline engine (which is not SAM 2), a SAM that `load_sam` loaded, or an object
        with a `segment` method.
    workers : int
        Jobs that run at the same time; the rest wait, first come, first served.
    latency_s : float or callable, optional
        Simulated service time in seconds, drawn once a job in order of submission. None: as long as it takes.
    api_key : str, optional
        The one key that is let in. None: every well formed key.
    models : collection of str
        Model slugs that are served. Another one is answered with 404.
    refused_models : mapping of str to int
        Model slugs answered with 403 (not for this account), 405 or 410 (retired).
    rate_limit : int, optional
        Requests a minute; None: no limit.
    rate_kind : {"fixed", "token"}
        A window that starts with its first request, or a bucket that fills evenly.
    rate_window_s : float
        Length of the window that `rate_limit` counts in, in seconds; tests shorten it.
    rate_burst : int, optional
        Capacity of the bucket; None: what flows in within one second, at least 1.
    polls_count : bool
        Whether status and result requests count towards the limit too.
    reset_format : {"iso", "epoch", "epoch_ms"}
        How a 429 writes the UTC time of its reset.
    record_ttl_s : float
        A job's record answers 404 this many seconds after its submission.
    output_ttl_s : float
        An output file is kept this many seconds.
    max_records : int
        Finished jobs kept at most; the oldest go first.
    max_output_bytes : int
        Bytes of outputs and of uploaded files kept at most, each; the oldest go first.
    max_body_bytes : int
        A longer request is refused with 413.
    max_side_px : int
        A larger image makes its job fail.
    price_usd : float
        Charge for a completed job, in dollars.
    credits_usd : float, optional
        Balance at the start, in dollars. None: nothing is counted and no balance is reported.
    history_lag_s : float
        A job shows in the request history this many seconds after its submission.
    history_key : str
        Name of the list in the history's envelope, which no public source settles.
    upload_key : str
        Name of the list of URLs that an upload answers with.
    early_result : {"status", "refuse"}
        What the result route answers before the job is done: its status, or HTTP 400.
    output : OutputForm
        The form of the mask images.
    omit : collection of str
        Fields and metrics left out of results ("images", "cost", "queue_time"): the contract promises few.
    id_form : str
        Form of request ids: ``"uuid"``, or pieces such as ``"letters:3_hex:24"``.
    output_host : str, optional
        Host that URLs of outputs name, by https; None: this server. Another host serves nothing of ours.
    answer_headers : mapping of str to str
        Headers that answers carry, such as those about a rate limit.
    closed : collection of str
        Endpoints answered with 404: ``"history"``, ``"history_item"``, ``"upload"``, ``"credits"``.
    clock : callable
        The wall clock, seconds since the epoch: for expiry, limits, timestamps and the Date header.
    """

    engine: Literal["offline"] | Engine | ServedEngine = "offline"
    workers: int = 2
    latency_s: Latency | None = None
    api_key: str | None = field(default=None, repr=False)
    models: frozenset[str] = frozenset({DEFAULT_MODEL, "sam3-image"})
    refused_models: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    rate_limit: int | None = None
    rate_kind: Literal["fixed", "token"] = "fixed"
    rate_window_s: float = 60.0
    rate_burst: int | None = None
    polls_count: bool = False
    reset_format: Literal["iso", "epoch", "epoch_ms"] = "iso"
    record_ttl_s: float = RECORD_SECONDS
    output_ttl_s: float = OUTPUT_DAYS * 86400.0
    max_records: int = 50_000
    max_output_bytes: int = 256 * 1024 * 1024
    max_body_bytes: int = 32 * 1024 * 1024
    max_side_px: int = MAX_IMAGE_SIDE_PX
    price_usd: float = 0.0
    credits_usd: float | None = None
    history_lag_s: float = 0.0
    history_key: str = "data"
    upload_key: str = "file_urls"
    early_result: Literal["status", "refuse"] = "status"
    output: OutputForm = field(default_factory=OutputForm)
    omit: frozenset[str] = frozenset()
    id_form: str = "uuid"
    output_host: str | None = None
    answer_headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    closed: frozenset[str] = frozenset()
    clock: Callable[[], float] = time.time
