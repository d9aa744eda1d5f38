"""Proxies and certificates of the environment that cannot be used: named with their variable, nothing sent."""

import asyncio

import pytest

from samframe.segmind import ApiKey, CallError, Failure, HttpTransport
from samframe.segmind.http import _describe, _hint_of


def ask(url="https://api.segmind.com/v1/get-user-credits"):
    async def main():
        transport = HttpTransport(ApiKey("SG_0123456789abcdef", strict=True))
        try:
            await transport.send("GET", url, deadline_s=5.0, max_bytes=100)
        finally:
            await transport.aclose()

    with pytest.raises(CallError) as refused:
        asyncio.run(main())
    return refused.value


def test_a_missing_certificate_file_is_named(monkeypatch, tmp_path):
    """Not a bare FileNotFoundError: the variable and the file."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    error = ask()

    assert error.kind is Failure.NOT_SENT
    assert "SSL_CERT_FILE=" in str(error)
    assert "none.pem" in str(error)


def test_a_socks_proxy_without_its_package_names_it(monkeypatch):
    """The extra, and the variable, not the proxy's password."""
    pytest.importorskip("httpx")
    try:
        import socksio  # noqa: F401, PLC0415 - where it is there, nothing is missing

        pytest.skip("socksio is installed")
    except ImportError:
        pass
    monkeypatch.setenv("ALL_PROXY", "socks5://me:secret@127.0.0.1:9")
    error = ask()

    assert error.kind is Failure.NOT_SENT
    assert "socksio" in str(error)
    assert "secret" not in str(error)


def test_a_bundle_of_requests_is_not_read_and_says_so(monkeypatch):
    """The variable that people have set, and the one that counts."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/company.pem")
    error = OSError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")

    assert "REQUESTS_CA_BUNDLE is set" in _describe(error, "https://x")
    assert "SSL_CERT_FILE" in _describe(error, "https://x")
    assert _hint_of("connection refused") == ""
