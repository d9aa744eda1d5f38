"""A call as it travels to the workers: checked here, without the API key, which never leaves a process."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from samframe.errors import AuthenticationError, OptionError
from samframe.frame import OFFLINE_KEY, CallOptions
from samframe.ground.options import store_folder
from samframe.segmind import Client

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

__all__ = ["PartitionCall", "make_call"]


@dataclass(frozen=True, slots=True)
class PortableClient:
    """A client that crosses to other processes without its key, which they take from their own environment.

    Parameters
    ----------
    client : Client or None
        As the caller gave it; None: made from the environment, wherever that is.
    """

    client: Client | None
    problem: str | None = None

    def here(self) -> Client | None:
        """Return the client of this process.

        Raises
        ------
        AuthenticationError
            If it has no key here.
        """
        if self.problem is not None:
            raise AuthenticationError(self.problem)
        if self.client is None:
            try:
                Client()
            except AuthenticationError as error:
                raise AuthenticationError(_on_a_worker(error)) from None
        return self.client

    def __reduce__(self) -> tuple[Any, ...]:
        if self.client is None:
            return PortableClient, (None,)
        if self.client.is_free:
            facts = (self.client.base_url, self.client.identity, self.client.is_sam, self.client.rate_limit)
            return _arrived_private, facts
        return _arrived, (self.client.base_url, self.client.rate_limit, tuple(self.client.allowed_hosts))

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        return (type(self).__name__, *((self.client.identity,) if self.client is not None else ()))


class _PrivateElsewhere(Client):
    """A client of the server that another process of this machine runs: one server knows all its jobs."""

    def __init__(
        self,
        base_url: str,
        identity: str,
        *,
        is_sam: bool,
        rate_limit: float | None,
    ) -> None:
        super().__init__(OFFLINE_KEY, base_url=base_url, rate_limit=rate_limit)
        self._identity = identity
        self._is_sam = is_sam

    @property
    def identity(self) -> str:
        """The engine's name and version, as where the server runs."""
        return self._identity

    @property
    def is_free(self) -> bool:
        """True: nothing is billed."""
        return True

    @property
    def is_sam(self) -> bool:
        """Whether the engine of that server is a Segment Anything model."""
        return self._is_sam


@functools.cache
def _arrived_private(
    base_url: str,
    identity: str,
    is_sam: bool,  # noqa: FBT001 - as it was packed
    rate_limit: float | None,
) -> PortableClient:
    """Return this process's client of a server that another process runs."""
    return PortableClient(_PrivateElsewhere(base_url, identity, is_sam=is_sam, rate_limit=rate_limit))


def _on_a_worker(error: AuthenticationError) -> str:
    return (
        f"On a worker: {error} The key is not sent along with the work: give it to the workers' environment, for "
        'example LocalCluster(env={"SEGMIND_API_KEY": os.environ["SEGMIND_API_KEY"]}), or start them with it. '
        "Nothing was sent."
    )


def _arrived(base_url: str, rate_limit: float | None, allowed_hosts: tuple[str, ...]) -> PortableClient:
    """Return the client of this process for an address."""
    try:
        return PortableClient(_client_here(base_url, rate_limit, allowed_hosts))
    except AuthenticationError as error:
        # Raised by the first task: an error while work is unpacked is told as one of "different environments".
        return PortableClient(None, _on_a_worker(error))


@functools.cache
def _client_here(base_url: str, rate_limit: float | None, allowed_hosts: tuple[str, ...]) -> Client:
    return Client(base_url=base_url, rate_limit=rate_limit, allowed_hosts=allowed_hosts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionCall:
    """One call, for any of its partitions.

    Attributes
    ----------
    image_col, prompt_col : column names
        As of :func:`samframe.segment`.
    client : PortableClient
        Where to send jobs.
    name : str
        Of this call alone.
    host : str or None
        The machine whose disk holds the ledger, as configured; None: the only one there is.
    options : dict
        All other options of :func:`samframe.segment`.
    """

    image_col: Hashable
    prompt_col: Hashable | None
    client: PortableClient
    name: str = ""
    host: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def checked(self) -> CallOptions:
        """Return the options as a call on one frame takes them."""
        return CallOptions.of(
            "segment", self.image_col, self.prompt_col, {"client": self.client.client, **self.options}
        )


def make_call(
    image_col: Hashable, prompt_col: Hashable | None, options: Mapping[str, Any], *, run: str
) -> PartitionCall:
    """Return a call for all partitions.

    Parameters
    ----------
    options : mapping
        As the caller gave them.
    run : str
        Name of the call, and of the budget that the partitions share unless ``shared=`` names one.

    Raises
    ------
    OptionError
        If an option is wrong, or of no use on a cluster.
    """
    import dask  # noqa: PLC0415 - its configuration as it is now

    given = dict(options)
    client = given.pop("client", None)
    if given.get("bridge", "thread") != "thread":
        raise OptionError('bridge="nest" is for one frame in a notebook; leave it out.')
    given["store"] = store_folder(given.get("store"))  # of this process, for all
    given["shared"] = given.get("shared") or run
    given["progress"] = False
    call = PartitionCall(
        image_col=image_col,
        prompt_col=prompt_col,
        client=PortableClient(client),
        name=run,
        host=dask.config.get("samframe.ledger-host", None),
        options=given,
    )
    call.checked()
    return call
