"""A job's output is found in the answer whatever its form, and refused if it is none."""

from __future__ import annotations

import base64

import pytest

from samframe.segmind.output import OutputError, OutputRef, extract_output

GOOD = b"\x89PNG\r\n\x1a\n and the rest of a file"
URL = "https://images.segmind.com/a.png?sig=1"
TEXT = base64.b64encode(GOOD).decode()


@pytest.mark.parametrize(
    ("output", "ref"),
    [
        (URL, OutputRef(url=URL)),
        (f" {URL}\n", OutputRef(url=URL)),
        ("http://127.0.0.1:8000/outputs/a.png", OutputRef(url="http://127.0.0.1:8000/outputs/a.png")),
        ([URL], OutputRef(url=URL)),
        ((URL,), OutputRef(url=URL)),
        ({"url": URL, "content_type": "image/png"}, OutputRef(url=URL)),
        ([{"url": URL}], OutputRef(url=URL)),
        (TEXT, OutputRef(data=GOOD)),
        (base64.encodebytes(GOOD).decode(), OutputRef(data=GOOD)),
        (TEXT.rstrip("="), OutputRef(data=GOOD)),
        (f"data:image/png;base64,{TEXT}", OutputRef(data=GOOD)),
        ([f"data:image/png;base64,{TEXT}"], OutputRef(data=GOOD)),
        ({"url": TEXT}, OutputRef(data=GOOD)),
    ],
)
def test_output_is_found_in_every_form(output, ref):
    """A URL, base64 text and a data URI, plain or in a list or a mapping, are found."""
    assert extract_output(output) == ref


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (None, "null"),
        ("", "empty"),
        ("  ", "empty"),
        ([], "0 outputs"),
        ([URL, URL], "2 outputs"),
        ({}, "without a url"),
        ({"file": URL}, "without a url"),
        ({"url": None}, "null"),
        ([[[[[URL]]]]], "too deep"),
        (3, "type int"),
        (True, "type bool"),
        (b"abc", "type bytes"),
        ("FAILED", "neither a URL nor base64"),
        ("NSFW content detected.", "cannot be fetched"),
        ("file:///etc/passwd", "cannot be fetched"),
        ("ftp://host/a.png", "cannot be fetched"),
        ("//host/a.png", "neither|cannot be fetched"),
        ("https://", "cannot be fetched"),
        ("https://user:secret@host/a.png", "cannot be fetched"),
        ("https://host/a.png\nX-Header: 1", "cannot be fetched"),
        ("data:image/png;base64", "cannot be fetched"),
        ("data:image/png;base64,@@@", "cannot be fetched"),
    ],
)
def test_output_that_is_none_is_refused(output, words):
    """Null, several, other kinds of URL and mere words are errors that say so, without secrets."""
    with pytest.raises(OutputError, match=words) as caught:
        extract_output(output)

    assert "secret" not in str(caught.value)
