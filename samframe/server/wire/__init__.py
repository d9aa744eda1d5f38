"""What clients send and what they are told: requests, images, answers, limits, scripted faults."""

from samframe.server.wire.answers import error_answer, html_answer, json_answer
from samframe.server.wire.faults import Fault, FaultPlan, Rule
from samframe.server.wire.images import SentImage, read_data_uri, read_image
from samframe.server.wire.limits import make_limiter, write_reset
from samframe.server.wire.requests import JobRequest, Refusal, check_key, is_json_type, read_json
from samframe.server.wire.routing import VERBS, find_endpoint
from samframe.server.wire.sam3 import SAM3_SLUG

__all__ = [
    "SAM3_SLUG",
    "VERBS",
    "Fault",
    "FaultPlan",
    "JobRequest",
    "Refusal",
    "Rule",
    "SentImage",
    "check_key",
    "error_answer",
    "find_endpoint",
    "html_answer",
    "is_json_type",
    "json_answer",
    "make_limiter",
    "read_data_uri",
    "read_image",
    "read_json",
    "write_reset",
]
