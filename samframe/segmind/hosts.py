"""Which host serves which part of the API, and which hosts an output may be fetched from."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from samframe.errors import OptionError
from samframe.ground.contract import API_HOST, HISTORY_HOST, OUTPUT_HOST, STORAGE_HOST

__all__ = ["Hosts", "is_loopback"]

# What comes after the version is not the base's; two slashes in a row are a slip of the hand.
_VERSION_TAIL = re.compile(r"(/+v[12])?/*\Z")
_BASE_URL = re.compile(r"(?i:https?)://(?:(?![?#@\\])[\x21-\x7e])+")
_HOST_NAME = re.compile(r"[a-z0-9._-]+(:\d+)?|\[[0-9a-f:.]+\](:\d+)?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_loopback(host: str) -> bool:
    """Return whether ``host`` (a name or an address without a port) is this machine."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a host is written as; the IPv4 address of an IPv6-mapped one."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The base URLs of one deployment of the API.

    With Segmind's own base, the four parts live on four hosts; with another base all live under it.
    """

    gateway: str
    storage: str
    history: str
    output_hosts: frozenset[str]
    loopback: bool

    @classmethod
    def from_base_url(cls, base_url: str | None, *, allowed_hosts: tuple[str, ...] = ()) -> Hosts:
        """Return the hosts for a base URL (None: Segmind's).

        Parameters
        ----------
        base_url : str, optional
            Without a version; a trailing ``/v1`` or ``/v2`` is dropped.
        allowed_hosts : tuple of str
            Further hosts that outputs may be fetched from: ``"name"``, or ``"name:port"``.

        Raises
        ------
        OptionError
            If the URL is not https (plain http is for loopback alone), or carries a user name, query or fragment;
            if an allowed host is no host name.
        """
        _check_host_names(allowed_hosts)
        parts = _split_base(base_url if base_url is not None else API_HOST)
        host = parts.hostname or ""
        loopback = is_loopback(host)
        base = f"{parts.scheme}://{parts.netloc}{parts.path}"
        if parts.scheme == "http" and not loopback:
            raise OptionError(
                f"base_url {base!r} is plain http: the API key is sent over https only (http is for loopback)."
            )
        output_host = urlsplit(OUTPUT_HOST).hostname or ""
        ours = base == API_HOST
        return cls(
            gateway=base,
            storage=STORAGE_HOST if ours else base,
            history=HISTORY_HOST if ours else base,
            output_hosts=frozenset({parts.netloc, output_host, *allowed_hosts}),
            loopback=loopback,
        )

    @property
    def is_segmind(self) -> bool:
        """Whether this is Segmind's own deployment."""
        return self.gateway == API_HOST

    def why_not_fetch(self, url: str) -> str | None:
        """Return why an output URL must not be fetched, or None if it may be.

        An allow rule: the output host, the API's own and those the user named, by https and their own port; loopback
        only where the API itself is on loopback. An address in place of a name is refused everywhere else.
        """
        try:
            parts = _normal(urlsplit(url))
        except ValueError:
            return "it is no URL"
        host = parts.hostname or ""
        address = _address(host)
        reason = None
        if "@" in parts.netloc:
            reason = "it carries a user name"
        elif is_loopback(host):
            if not self.loopback or parts.scheme not in _DEFAULT_PORTS:
                reason = "it points to this machine"
        elif parts.scheme != "https":
            reason = "it is not https"
        elif parts.netloc not in self.output_hosts:
            allow = f"samframe.Client(allowed_hosts=[{parts.netloc!r}])"
            reason = f"its host {parts.netloc!r} is not one samframe fetches from; allow it with {allow}"
        elif address is not None and not address.is_global and parts.netloc != urlsplit(self.gateway).netloc:
            reason = "it points to a private address"
        return reason


def _check_host_names(hosts: tuple[str, ...]) -> None:
    for host in hosts:
        if not _HOST_NAME.fullmatch(host):
            raise OptionError(
                f"allowed_hosts takes host names such as 'cdn.example.com', no URLs; it has {host!r}."
            )


def _split_base(base_url: object) -> SplitResult:
    """Return the parts of a base URL in their normal form, without a version.

    Raises
    ------
    OptionError
        If it is no such URL.
    """
    text = base_url.strip() if isinstance(base_url, str) else ""
    try:
        parts = _normal(urlsplit(text))
    except ValueError as error:
        raise OptionError(f"base_url is no URL: {error}") from None
    if not _BASE_URL.fullmatch(text) or not parts.hostname:
        raise OptionError(
            "base_url must look like https://host or http://127.0.0.1:8200, without user, query or fragment."
        )
    return parts._replace(path=_VERSION_TAIL.sub("", parts.path, count=1))


def _normal(parts: SplitResult) -> SplitResult:
    """Return a URL's parts with the host in lower case and without a port that goes without saying."""
    host = parts.hostname or ""
    name = f"[{host}]" if ":" in host else host
    user = parts.netloc.rpartition("@")[0]
    if parts.port not in (None, _DEFAULT_PORTS.get(parts.scheme)):
        name = f"{name}:{parts.port}"
    return parts._replace(netloc=f"{user}@{name}" if user or "@" in parts.netloc else name)
