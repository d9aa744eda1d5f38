"""The one retry table: which call failed how, and what is done about it. A repeated submit is billed twice."""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING

from samframe.segmind import Call, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Action", "backoff_s", "decide"]

SUBMIT_TRIES = 3
#: A server that is being mended is asked so often within its patience.
SERVER_TRIES = 12
OUTPUT_TRIES = 3
#: A 404 on an id younger than this may be a record that is not visible yet.
YOUNG_JOB_S = 60.0


class Action(enum.Enum):
    """What the runner does next with a job whose call failed."""

    REPEAT = "repeat after a backoff"
    HOLD = "everybody waits for the rate limit, then repeat"
    FAIL_ROW = "the row failed"
    DOUBT = "the job may run and be billed: never repeat by itself"
    STOP_RUN = "stop the run, keep what is done"
    ASK_HISTORY = "look the id up in the request history"


_SUBMIT = {
    Failure.NOT_SENT: Action.REPEAT,
    Failure.LOST: Action.DOUBT,
    Failure.BAD_INPUT: Action.FAIL_ROW,
    Failure.SERVER_ERROR: Action.REPEAT,
    Failure.RATE_LIMITED: Action.HOLD,
    Failure.UNAUTHENTICATED: Action.STOP_RUN,
    Failure.FORBIDDEN: Action.STOP_RUN,
    Failure.NO_MODEL: Action.STOP_RUN,
    Failure.RETIRED: Action.STOP_RUN,
    Failure.NO_CREDITS: Action.STOP_RUN,
    Failure.BAD_CONTENT_TYPE: Action.STOP_RUN,
    Failure.REDIRECTED: Action.STOP_RUN,
    # Neither can come from a submit; a job that may run is in doubt.
    Failure.NOT_FOUND: Action.DOUBT,
    Failure.REFUSED_HOST: Action.DOUBT,
    Failure.REFUSED_BYTES: Action.DOUBT,
    Failure.ENCODED: Action.DOUBT,
    Failure.FOREIGN_ID: Action.DOUBT,
}

_GET = {
    Failure.NOT_SENT: Action.REPEAT,
    Failure.LOST: Action.REPEAT,
    Failure.SERVER_ERROR: Action.REPEAT,
    Failure.BAD_INPUT: Action.REPEAT,
    Failure.RATE_LIMITED: Action.HOLD,
    Failure.NOT_FOUND: Action.ASK_HISTORY,
    Failure.NO_CREDITS: Action.REPEAT,
    Failure.REFUSED_HOST: Action.FAIL_ROW,
    Failure.REFUSED_BYTES: Action.REPEAT,
    Failure.ENCODED: Action.REPEAT,
    Failure.FOREIGN_ID: Action.REPEAT,
    Failure.UNAUTHENTICATED: Action.STOP_RUN,
    Failure.FORBIDDEN: Action.STOP_RUN,
    Failure.NO_MODEL: Action.STOP_RUN,
    Failure.RETIRED: Action.REPEAT,
    Failure.BAD_CONTENT_TYPE: Action.STOP_RUN,
    Failure.REDIRECTED: Action.STOP_RUN,
}


def decide(
    call: Call,
    failure: Failure,
    *,
    tries: int,
    age_s: float = 0.0,
    waited_s: float = math.inf,
    patience_s: float = 0.0,
) -> Action:
    """Return what to do about a failed call.

    Parameters
    ----------
    call : Call
        Which call failed.
    failure : Failure
        How.
    tries : int
        How often this call was made for this job and failed, this time included.
    age_s : float
        Seconds since the job was submitted.
    waited_s, patience_s : float
        Seconds since the call failed first, and how many a server's own errors are waited out.
    """
    match call:
        case Call.SUBMIT:
            action = _SUBMIT[failure]
            if failure is Failure.SERVER_ERROR and waited_s < patience_s and tries < SERVER_TRIES:
                return Action.REPEAT
            return Action.FAIL_ROW if action is Action.REPEAT and tries >= SUBMIT_TRIES else action
        case Call.DOWNLOAD:
            # Refused by its host, length or encoding: the next answer would be the same.
            if failure in {Failure.REFUSED_HOST, Failure.REFUSED_BYTES, Failure.ENCODED}:
                return Action.FAIL_ROW
            if failure is Failure.RATE_LIMITED:
                return Action.HOLD
            is_gone = failure is Failure.NOT_FOUND and tries >= OUTPUT_TRIES
            return Action.FAIL_ROW if is_gone else Action.REPEAT
        case _:
            action = _GET[failure]
            return Action.REPEAT if action is Action.ASK_HISTORY and age_s < YOUNG_JOB_S else action


def backoff_s(tries: int, random: Callable[[], float]) -> float:
    """Return the pause before a GET is repeated: at random within (0, min(20, 0.5 x 2^tries)) s, "full jitter".

    Source: Amazon Builders' Library, "Timeouts, retries, and backoff with jitter".
    """
    ceiling = min(20.0, 0.5 * 2.0 ** min(tries, 10))
    return max(0.02, random() * ceiling)
