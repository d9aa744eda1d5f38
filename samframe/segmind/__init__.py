"""The API's client: a pure wire, a key that prints as stars, and a connection that moves bytes."""

from samframe.segmind.answers import (
    Call,
    CallError,
    Credits,
    Failure,
    HistoryRow,
    JobAnswer,
    Metrics,
    RemoteState,
)
from samframe.segmind.client import Client, Connection
from samframe.segmind.hosts import Hosts
from samframe.segmind.http import HttpTransport
from samframe.segmind.key import ApiKey
from samframe.segmind.models import SAM2, SAM3, Model, Setting, find_model, known_models
from samframe.segmind.output import OutputError, OutputMask, OutputRef, extract_output, read_mask
from samframe.segmind.reading import (
    Reader,
    ReaderContext,
    ReaderSpec,
    form_of,
    make_reader,
    output_facts,
    read_output,
    readers_for,
    readers_that_fit,
    small_png,
)
from samframe.segmind.several import find_parts, pack_parts, read_parts
from samframe.segmind.wire import encode_body, output_of

__all__ = [
    "SAM2",
    "SAM3",
    "ApiKey",
    "Call",
    "CallError",
    "Client",
    "Connection",
    "Credits",
    "Failure",
    "HistoryRow",
    "Hosts",
    "HttpTransport",
    "JobAnswer",
    "Metrics",
    "Model",
    "OutputError",
    "OutputMask",
    "OutputRef",
    "Reader",
    "ReaderContext",
    "ReaderSpec",
    "RemoteState",
    "Setting",
    "encode_body",
    "extract_output",
    "find_model",
    "find_parts",
    "form_of",
    "known_models",
    "make_reader",
    "output_facts",
    "output_of",
    "pack_parts",
    "read_mask",
    "read_output",
    "read_parts",
    "readers_for",
    "readers_that_fit",
    "small_png",
]
