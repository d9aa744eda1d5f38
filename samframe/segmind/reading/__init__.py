"""From the bytes of an output to a mask: rules by name, a colour, or the user's own function."""

from samframe.segmind.reading.context import ReaderContext
from samframe.segmind.reading.facts import output_facts, readers_for
from samframe.segmind.reading.form import form_of, small_png
from samframe.segmind.reading.readers import Reader, ReaderSpec, make_reader, read_output, readers_that_fit

__all__ = [
    "Reader",
    "ReaderContext",
    "ReaderSpec",
    "form_of",
    "make_reader",
    "output_facts",
    "read_output",
    "readers_for",
    "readers_that_fit",
    "small_png",
]
