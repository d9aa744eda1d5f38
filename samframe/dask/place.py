"""Where partitions are segmented: on the machine whose disk holds the ledger.

Two machines with a ledger each would pay for equal rows twice, and a network disk's locks may not hold. So in a cluster
of several machines one is named, ``dask.config.set({"samframe.ledger-host": "10.0.0.5"})``, and the others hand their
partitions over to its workers, by Dask's own ``worker_client``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from samframe.dask.stopping import TICK_S, watch
from samframe.errors import OptionError, SamframeError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from samframe.dask.call import PartitionCall

__all__ = ["where_the_ledger_is"]


def where_the_ledger_is(
    part: pd.DataFrame, call: PartitionCall, *, task: Callable[[pd.DataFrame, PartitionCall], pd.DataFrame]
) -> pd.DataFrame:
    """Run a task on a partition, here or on the machine that holds the ledger.

    Raises
    ------
    OptionError
        If there are several machines and none is named, or the named one has no worker.
    SamframeError
        If nobody wants the result any more; what was handed over is stopped too.
    """
    worker = _worker()
    if worker is None:  # threads or processes of this machine, without a cluster
        return task(part, call)
    from distributed import get_client, worker_client  # noqa: PLC0415 - only where there is a cluster
    from distributed.comm import get_address_host  # noqa: PLC0415 - the same

    here = get_address_host(worker.address)
    if call.host is not None and here == call.host:
        return task(part, call)
    hosts = sorted({get_address_host(address) for address in get_client().nthreads()} | {here})
    home = call.host
    if home is None:
        if len(hosts) > 1:
            raise OptionError(
                f"The workers run on {len(hosts)} machines ({', '.join(hosts[:5])}): name the one whose disk holds "
                'the ledger, with dask.config.set({"samframe.ledger-host": "..."}). Nothing was sent: two ledgers '
                "would pay for equal rows twice."
            )
        return task(part, call)
    if home not in hosts:
        raise OptionError(
            f"samframe.ledger-host is {home!r}, and no worker runs there; they run on {', '.join(hosts[:5])}."
        )
    # The thread waits: partitions would pile up in memory if it went on to the next.
    with worker_client(separate_thread=False) as client:
        future = client.submit(task, part, call, workers=[home], allow_other_workers=False, pure=False)
        is_unwanted = watch(call.name)
        while not future.done():
            if is_unwanted():
                future.cancel()
                raise SamframeError("The computation was stopped; what was paid for is in the ledger.")
            time.sleep(TICK_S)
        result: pd.DataFrame = future.result()
        return result


def _worker() -> Any:
    """Return the Dask worker whose task this is, None outside of a cluster."""
    try:
        from distributed import get_worker  # noqa: PLC0415 - an optional part of Dask

        return get_worker()
    except (ImportError, ValueError):
        return None
