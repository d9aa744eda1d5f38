"""Images behind URLs in views and reports: fetched where a client allows it, without its key, never by default."""

from __future__ import annotations

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import samframe
from samframe.errors import ImageError
from samframe.frame.look.fetching import make_fetch

KEY = "SG_0123456789abcdef"


@pytest.fixture
def host():
    """A host of images that keeps the headers it was asked with; any name but gone.png is a picture."""
    file = io.BytesIO()
    Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(file, "PNG")

    class Handler(BaseHTTPRequestHandler):
        asked: list = []  # noqa: RUF012 - of this fixture's class only

        def do_GET(self):
            self.asked.append(dict(self.headers))
            body = b"" if "gone" in self.path else b"<html>" if "page" in self.path else file.getvalue()
            self.send_response(200 if body else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", Handler.asked
    server.shutdown()
    server.server_close()
    thread.join(10)


def frame(urls):
    """Return a frame of URLs with masks."""
    return pd.DataFrame({"image": urls, "mask": pd.array([np.eye(20, 30)] * len(urls), dtype="mask")})


def test_report_shows_what_its_client_may_fetch(host, tmp_path):
    """A picture is fetched once and without the key; what is gone, or no picture, leaves the mask alone."""
    url, asked = host
    urls = [f"{url}/a.png", f"{url}/gone.png", f"{url}/page.html", f"{url}/a.png"]
    client = samframe.Client(KEY, base_url=url)
    frame(urls).sam.to_html(tmp_path / "report.html", client=client)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")

    assert (page.count('"image":0'), page.count('"image":-1')) == (2, 2)
    assert len(asked) == 3
    assert KEY not in str(asked)
    assert KEY not in page


def test_nothing_is_fetched_without_a_client(host, tmp_path):
    """By default no URL is asked for."""
    url, asked = host
    frame([f"{url}/a.png"]).sam.to_html(tmp_path / "report.html")
    frame([f"{url}/a.png"]).sam.plot()

    assert asked == []


def test_annotator_shows_what_its_client_may_fetch(host, tmp_path):
    """The annotator takes pictures by the same rules: by a client that is given, and not by default."""
    url, asked = host
    frame([f"{url}/a.png"]).sam.annotate(prompt_col=None)._picture(0)
    before = list(asked)
    client = samframe.Client(KEY, base_url=url)
    picture = frame([f"{url}/b.png"]).sam.annotate(prompt_col=None, client=client, store=tmp_path)._picture(0)

    assert before == []
    assert picture.stored_hw == (20, 30)
    assert asked
    assert KEY not in str(asked)


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest/meta-data", "https://10.0.0.1/a.png", "https://example.com/a.png"]
)
def test_other_hosts_are_refused(host, url):
    """What the client does not allow is an ImageError, and is not asked."""
    fetch = make_fetch(samframe.Client(KEY, base_url=host[0]))
    with pytest.raises(ImageError, match="not fetched"):
        fetch(url)


def test_host_that_does_not_answer_is_an_image_error():
    """A dead host is the row's trouble."""
    fetch = make_fetch(samframe.Client(KEY, base_url="http://127.0.0.1:9"))
    with pytest.raises(ImageError):
        fetch("http://127.0.0.1:9/a.png")
