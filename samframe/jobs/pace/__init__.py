"""When calls are made: the rate gate, service times learned, and a job on its way."""

from samframe.jobs.pace.flight import Flight, Stage
from samframe.jobs.pace.gate import Gate, RateGate
from samframe.jobs.pace.pace import Pace

__all__ = ["Flight", "Gate", "Pace", "RateGate", "Stage"]
