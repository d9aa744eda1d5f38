"""A server that behaves as a report of ``samframe check`` says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from samframe.server.config import OutputForm

if TYPE_CHECKING:
    from samframe.ground.service_report import OutputFacts, ServiceReport

__all__ = ["options_like"]

_STYLES = {"alpha", "cut-out", "coloured", "soft", "overlay"}
_MODES = {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}
_FIELDS = {"images"}
_METRICS = {"inference_time", "queue_time", "total_time", "cost", "remaining_credits"}
_ROUNDING_PX = 1.5


def options_like(report: ServiceReport) -> dict[str, Any]:
    """Return the options of a `ServerConfig` that answers as the service of a report did.

    Form, size and delivery of outputs, form of ids, time, price, headers and limit of requests, and what does not
    answer. A host that outputs are not fetched from is named in their URLs; another is this server's own.
    """
    limits = [
        int(match[0])
        for name, value in report.rate_headers.items()
        if name.endswith("limit") and (match := re.match(r"[1-9]\d{0,6}", value))
    ]
    closed = {name for name in ("history", "upload", "credits") if "HTTP 404" in getattr(report, name)}
    return {
        "latency_s": report.inference_time,
        "price_usd": report.bill_usd if report.bill_usd is not None else report.published_usd,
        "rate_limit": limits[0] if limits else None,
        "answer_headers": report.rate_headers,
        "id_form": report.id_form or "uuid",
        "output_host": report.output_host if report.is_host_allowed is False else None,
        "omit": frozenset(
            (_FIELDS - set(report.result_fields)) | (_METRICS - set(report.metrics))
            if report.result_fields
            else ()
        ),
        "closed": frozenset(closed | ({"history_item"} if report.history != "answers" else set())),
        "output": _form(report, report.output) if report.output is not None else OutputForm(),
    }


def _form(report: ServiceReport, facts: OutputFacts) -> OutputForm:
    sent, size = report.sent_hw, facts.size_hw
    has_bars = (
        sent is not None and size is not None and abs(size[1] - size[0] * sent[1] / sent[0]) > _ROUNDING_PX
    )
    style = "overlay" if facts.kind == "picture" else facts.kind if facts.kind in _STYLES else "mask"
    options: dict[str, Any] = {
        "style": style,
        "file_format": facts.file_format if facts.file_format in {"PNG", "JPEG", "WEBP"} else "PNG",
        "mode": facts.mode if facts.mode in _MODES and style == "mask" else "L",
        "high": facts.high if facts.high and style == "mask" and facts.kind == "mask" else 255,
        "size_hw": size if size != sent else None,
        "letterbox": has_bars,
        "always_inline": report.delivery in {"base64", "data-uri"},
        "inline": report.delivery if report.delivery == "data-uri" else "base64",
    }
    return OutputForm(**options)
