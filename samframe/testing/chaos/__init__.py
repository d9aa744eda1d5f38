"""A raw-socket server that bills first and faults after."""

from samframe.testing.chaos.moves import Chaos, Reply
from samframe.testing.chaos.server import ChaosCall, ChaosServer

__all__ = ["Chaos", "ChaosCall", "ChaosServer", "Reply"]
