"""Which host serves which part of the API, and which hosts an output may be fetched from."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from samframe._contract import API_HOST, HISTORY_HOST, OUTPUT_HOST, STORAGE_HOST
from samframe.errors import OptionError

__all__ = ["Hosts", "is_loopback"]

_VERSION_TAIL = re.compile(r"/v[12]/?$")


def is_loopback(host: str) -> bool:
    """Return whether ``host`` (a name or an address without a port) is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


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

        Raises
        ------
        OptionError
            If the URL is not https (plain http is for loopback alone), or carries a user name, query or fragment.
        """
        base = _VERSION_TAIL.sub("", (base_url or API_HOST).strip()).rstrip("/")
        try:
            parts = urlsplit(base)
            host = parts.hostname or ""
            _ = parts.port
        except ValueError as error:
            raise OptionError(f"base_url is no URL: {error}") from None
        if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment or "@" in parts.netloc:
            raise OptionError("base_url must look like https://host or http://127.0.0.1:8200, without user, query or fragment.")
        loopback = is_loopback(host)
        if parts.scheme == "http" and not loopback:
            raise OptionError(f"base_url {base!r} is plain http: the API key is sent over https only (http is for loopback).")
        if base == API_HOST:
            output = {urlsplit(API_HOST).hostname or "", urlsplit(OUTPUT_HOST).hostname or ""}
            return cls(
                gateway=API_HOST,
                storage=STORAGE_HOST,
                history=HISTORY_HOST,
                output_hosts=frozenset(output | set(allowed_hosts)),
                loopback=False,
            )
        return cls(
            gateway=base,
            storage=base,
            history=base,
            output_hosts=frozenset({host, urlsplit(OUTPUT_HOST).hostname or "", *allowed_hosts}),
            loopback=loopback,
        )

    @property
    def is_segmind(self) -> bool:
        """Whether this is Segmind's own deployment."""
        return self.gateway == API_HOST

    def why_not_fetch(self, url: str) -> str | None:
        """Return why an output URL must not be fetched, or None if it may be.

        An allow rule: the output host, the API's own and those the user named, by https; loopback only where the
        API itself is on loopback. An address in place of a name is refused everywhere else.
        """
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").lower()
            _ = parts.port
        except ValueError:
            return "it is no URL"
        if "@" in parts.netloc:
            return "it carries a user name"
        if is_loopback(host):
            return None if self.loopback and parts.scheme in {"http", "https"} else "it points to this machine"
        if parts.scheme != "https":
            return "it is not https"
        if host not in self.output_hosts:
            return f"its host {host!r} is not one samframe fetches from; allow it with samframe.Client(allowed_hosts=[{host!r}])"
        if _is_address(host) and ipaddress.ip_address(host.strip("[]")).is_private:
            return "it points to a private address"
        return None
