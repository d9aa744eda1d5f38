"""The lives of a client: what the state machine and the tests of long waits share."""

from lives.death import Death, Process, mortal_ledger
from lives.fast_loop import FastLoop
from lives.service import (
    ACCOUNTS,
    FETCH_FAULTS,
    GET_FAULTS,
    HOUR,
    SUBMIT_FAULTS,
    Api,
    FakeClient,
    Service,
    inputs_of,
)

__all__ = [
    "ACCOUNTS",
    "FETCH_FAULTS",
    "GET_FAULTS",
    "HOUR",
    "SUBMIT_FAULTS",
    "Api",
    "Death",
    "FakeClient",
    "FastLoop",
    "Process",
    "Service",
    "inputs_of",
    "mortal_ledger",
]
