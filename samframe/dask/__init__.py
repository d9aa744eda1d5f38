"""The same call on a Dask DataFrame: ``import samframe.dask`` gives every one of them ``ddf.sam``.

The account's rate limit is the bottleneck, whatever the cluster: its workers ask one coordinator for each call and its
money, and one ledger who pays for which job. Both lie in the store, on a disk of one machine, so the partitions are
segmented by the workers of that machine (:mod:`samframe.dask.place`); loading, measuring and writing run anywhere.
"""

from samframe.dask.accessor import DaskFrameSam, DaskSeriesSam
from samframe.dask.bill import plan
from samframe.dask.masks import intersection, union
from samframe.dask.parquet import read_parquet, to_parquet
from samframe.dask.partitions import segment

__all__ = [
    "DaskFrameSam",
    "DaskSeriesSam",
    "intersection",
    "plan",
    "read_parquet",
    "segment",
    "to_parquet",
    "union",
]
