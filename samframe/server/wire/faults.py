"""The fault plan: which request meets which fault, in the order in which a test scripted them."""

from __future__ import annotations

import enum
import math
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENDPOINTS", "Fault", "FaultPlan", "Rule"]

#: What `on` may name.
ENDPOINTS = frozenset(
    {"submit", "status", "result", "output", "upload", "asset", "credits", "history", "history_item", "any"}
)


class Fault(enum.Enum):
    """What can go wrong with one request.

    Answers in place of the right one (given before anything is done, or with ``accepted=True`` after it),
    lost connections, spoilt answers, and answers that are well formed but not what one waits for.
    """

    RATE_LIMITED = "429 with a reset time"
    UNAUTHORIZED_401 = "401 for a key that was good"
    FORBIDDEN_403 = "403 for the model"
    MODEL_UNKNOWN_404 = "404 for the model"
    WRONG_VERB_405 = "405, an HTML page"
    NO_CREDITS_406 = "406, no credits"
    RETIRED_410 = "410, the model is retired"
    REFUSED_BODY_422 = "422 for the body of a submit"
    SERVER_ERROR_500 = "500 with a JSON error"
    BAD_GATEWAY_502 = "502, an HTML page"
    UNAVAILABLE_503 = "503"
    GATEWAY_TIMEOUT_504 = "504, an HTML page"
    REDIRECT_307 = "a redirect to another host"
    EXPIRED = "404, as for an expired record"

    DROP_BEFORE = "the connection is closed before anything is done"
    DROP_ANSWER = "the request is carried out, then the connection is closed without an answer"
    HALF_ANSWER = "the request is carried out, then the connection is closed in the middle of the answer"
    HANG = "no answer, until the client gives up"
    SLOW_BODY = "the answer's body comes in drops, over delay_s"

    TRUNCATED_JSON = "half of the JSON, well framed"
    NO_REQUEST_ID = "the answer lacks request_id"
    ODD_REQUEST_ID = "request_id is '../../x'"
    FOREIGN_URLS = "status_url and response_url name another host"
    CORRUPT_OUTPUT = "one bit in the middle of the file is flipped"
    TRUNCATED_OUTPUT = "half of the file, well framed"
    EMPTY_OUTPUT = "0 bytes with 200"
    HTML_OUTPUT = "an HTML page with 200"
    GONE_OUTPUT = "404 for the file"
    OUTPUT_NULL = "output is null"
    OUTPUT_LIST = "output is a list of the URL"
    OUTPUT_DICT = "output is an object that holds the URL"
    NO_COST = "metrics lack the cost"
    NAN_COST = "the cost is NaN"

    STUCK_QUEUED = "the job looks QUEUED"
    STUCK_PROCESSING = "the job looks PROCESSING"
    JOB_FAILS = "the submitted job will FAIL"


@dataclass(slots=True, kw_only=True)
class Rule:
    """One line of the plan; see `LocalServer.script`."""

    fault: Fault
    on: str
    times: float
    after: int
    accepted: bool
    delay_s: float
    reset_in_s: float
    headers: Mapping[str, str]


@dataclass(slots=True)
class FaultPlan:
    """The rules that are left. Scripted from any thread, taken by the server's."""

    _rules: list[Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self,
        fault: Fault,
        *,
        on: str,
        times: int | None,
        after: int,
        accepted: bool,
        delay_s: float,
        reset_in_s: float,
        headers: Mapping[str, str] | None,
    ) -> None:
        """Add a rule at the end.

        Raises
        ------
        ValueError
            If `on` names no endpoint.
        """
        if on not in ENDPOINTS:
            raise ValueError(f"on={on!r} names no endpoint: choose one of {sorted(ENDPOINTS)}")
        rule = Rule(
            fault=fault,
            on=on,
            times=math.inf if times is None else times,
            after=after,
            accepted=accepted,
            delay_s=delay_s,
            reset_in_s=reset_in_s,
            headers=dict(headers or {}),
        )
        with self._lock:
            self._rules.append(rule)

    def take(self, endpoint: str) -> Rule | None:
        """Return the first rule that meets this request, and count it."""
        if not self._rules:
            return None
        with self._lock:
            for rule in self._rules:
                if rule.on not in (endpoint, "any"):
                    continue
                if rule.after > 0:
                    rule.after -= 1
                    continue
                rule.times -= 1
                if rule.times <= 0:
                    self._rules.remove(rule)
                return rule
        return None

    def clear(self) -> None:
        """Drop all rules: the server is well again."""
        with self._lock:
            self._rules.clear()

    @property
    def is_spent(self) -> bool:
        """Whether every rule has been met."""
        return not self._rules
