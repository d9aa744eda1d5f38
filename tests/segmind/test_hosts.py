"""Which base URLs are taken, and which outputs are fetched: an allow rule."""

from __future__ import annotations

import pytest

from samframe.errors import OptionError
from samframe.segmind import Client, Hosts

KEY = "SG_0123456789abcdef"


@pytest.mark.parametrize(
    "base_url",
    [
        None,
        "https://api.segmind.com",
        "https://api.segmind.com/",
        "https://api.segmind.com/v1",
        "https://api.segmind.com/v2/",
        "https://api.segmind.com//v2//",
        " https://api.segmind.com \n",
        "HTTPS://API.Segmind.com",
        "https://api.segmind.com:443/v2",
    ],
)
def test_every_spelling_of_segminds_base_is_segmind(base_url):
    """A spelling that was not known would lose the history's host, the key's form and the rows stored before."""
    hosts = Hosts.from_base_url(base_url)

    assert (hosts.gateway, hosts.history) == ("https://api.segmind.com", "https://api.spotprod.segmind.com")
    assert hosts.is_segmind


@pytest.mark.parametrize(
    ("base_url", "gateway"),
    [
        ("http://127.0.0.1:8200", "http://127.0.0.1:8200"),
        ("http://127.0.0.1:8200/v1", "http://127.0.0.1:8200"),
        ("http://localhost:8200/v2/", "http://localhost:8200"),
        ("http://LocalHost:80", "http://localhost"),
        ("http://[::1]:8200/", "http://[::1]:8200"),
        ("http://127.9.9.9:1", "http://127.9.9.9:1"),
        ("https://proxy.corp:8443/segmind/v2", "https://proxy.corp:8443/segmind"),
        ("https://proxy.corp/v2/segmind", "https://proxy.corp/v2/segmind"),
        ("https://10.0.0.5", "https://10.0.0.5"),
    ],
)
def test_another_base_has_all_under_it(base_url, gateway):
    """Storage and history of another deployment live under its base."""
    hosts = Hosts.from_base_url(base_url)

    assert (hosts.gateway, hosts.storage, hosts.history) == (gateway,) * 3


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.segmind.com",
        "http://10.0.0.5:8200",
        "http://0.0.0.0:8200",
        "http://127.0.0.1.evil.com",
        "http://localhost.evil.com",
        "http://user@127.0.0.1:8200",
        "https://user:word@api.segmind.com",
        "https://api.segmind.com?x=1",
        "https://api.segmind.com?",
        "https://api.segmind.com#x",
        "https://api.segmind.com#",
        "https://api.seg\tmind.com",
        "https://api.segmind.com/a b",
        "https://evil.com\\@api.segmind.com",
        "https://api.segmind.com:99999",
        "https://api.segmind.com:port",
        "https://[::1",
        "https://",
        "https:///v2",
        "ftp://api.segmind.com",
        "file:///etc/passwd",
        "api.segmind.com",
        "",
        "   ",
        5,
        b"https://api.segmind.com",
    ],
)
def test_a_base_url_that_cannot_be_right_is_refused(base_url):
    """The key would go there: plain http is for loopback alone, and nothing may hide the real host."""
    with pytest.raises(OptionError, match="base_url"):
        Hosts.from_base_url(base_url)


SEGMIND = Hosts.from_base_url(
    None, allowed_hosts=("cdn.example.com", "cdn.example.com:8443", "10.0.0.9", "8.8.8.8")
)
LOOPBACK = Hosts.from_base_url("http://127.0.0.1:8200")
CORPORATE = Hosts.from_base_url("https://10.0.0.5:8443")


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        (SEGMIND, "https://images.segmind.com/a.png"),
        (SEGMIND, "https://images.segmind.com:443/a.png?x=1#y"),
        (SEGMIND, "HTTPS://IMAGES.SEGMIND.COM/a.png"),
        (SEGMIND, "https://api.segmind.com/a.png"),
        (SEGMIND, "https://cdn.example.com/a.png"),
        (SEGMIND, "https://cdn.example.com:8443/a.png"),
        (SEGMIND, "https://8.8.8.8/a.png"),
        (LOOPBACK, "http://127.0.0.1:8200/outputs/a.png"),
        (LOOPBACK, "http://localhost:8200/outputs/a.png"),
        (LOOPBACK, "http://[::1]:9/outputs/a.png"),
        (LOOPBACK, "http://[::ffff:127.0.0.1]:9/a.png"),
        (LOOPBACK, "https://images.segmind.com/a.png"),
        (CORPORATE, "https://10.0.0.5:8443/outputs/a.png"),
    ],
)
def test_outputs_that_are_fetched(hosts, url):
    """The output host, the API's own, those the user named, and loopback where the API is on loopback."""
    assert hosts.why_not_fetch(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://images.segmind.com/a.png",
        "https://images.segmind.com:8443/a.png",
        "https://images.segmind.com:22/a.png",
        "https://images.segmind.com./a.png",
        "https://images.segmind.com.evil.com/a.png",
        "https://evil.com/images.segmind.com",
        "https://evil.com\\@images.segmind.com/a.png",
        "https://images.segmind.com@evil.com/a.png",
        "https://user@images.segmind.com/a.png",
        "https://@images.segmind.com/a.png",
        "https://evil.com#@images.segmind.com/",
        "http://127.0.0.1/a.png",
        "https://127.0.0.1/a.png",
        "https://localhost/a.png",
        "https://[::1]/a.png",
        "https://[::ffff:127.0.0.1]/a.png",
        "https://[::ffff:7f00:1]/a.png",
        "https://[::ffff:10.0.0.1]/a.png",
        "https://10.0.0.9/a.png",
        "https://192.168.0.1/a.png",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/a.png",
        "https://0x7f.1/a.png",
        "https://2130706433/a.png",
        "https://127.1/a.png",
        "https://[fe80::1]/a.png",
        "https://[fd00::1]/a.png",
        "https://cdn.example.com:9000/a.png",
        "ftp://images.segmind.com/a.png",
        "file:///etc/passwd",
        "gopher://images.segmind.com",
        "//images.segmind.com/a.png",
        "https://images.segmind.com:99999/",
        "https://[images.segmind.com/",
        "",
        "a.png",
    ],
)
def test_outputs_that_are_not_fetched(url):
    """Everything else, with the reason in words."""
    assert SEGMIND.why_not_fetch(url)


@pytest.mark.parametrize(
    "host", ["https://cdn.example.com", "cdn.example.com/path", "", "a b", "user@cdn", "*"]
)
def test_an_allowed_host_that_would_never_match_is_refused(host):
    """A URL in place of a name would silently allow nothing."""
    with pytest.raises(OptionError, match="allowed_hosts"):
        Client(KEY, allowed_hosts=[host])


def test_one_string_is_no_list_of_hosts():
    """Its letters would be the hosts."""
    with pytest.raises(OptionError, match="list"):
        Client(KEY, allowed_hosts="cdn.example.com")


@pytest.mark.parametrize("rate_limit", [0, -1, float("nan")])
def test_a_rate_limit_is_above_nothing(rate_limit):
    """0 requests a minute would wait for ever."""
    with pytest.raises(OptionError, match="rate_limit"):
        Client(KEY, rate_limit=rate_limit)


def test_the_environment_names_the_base(monkeypatch):
    """SEGMIND_BASE_URL stands in for base_url, and an empty one for nothing."""
    monkeypatch.setenv("SEGMIND_BASE_URL", "http://127.0.0.1:8200/v1")
    local = Client(KEY)
    monkeypatch.setenv("SEGMIND_BASE_URL", "")
    remote = Client(KEY)

    assert (local.base_url, remote.base_url) == ("http://127.0.0.1:8200", "https://api.segmind.com")
