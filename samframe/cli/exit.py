"""What the command's exit status means, and which error leads to which."""

from __future__ import annotations

import enum

from samframe.errors import ApiError, LedgerError
from samframe.segmind import CallError, Failure

__all__ = ["EXIT_CODES", "Exit", "exit_for"]


class Exit(enum.IntEnum):
    """Exit statuses."""

    DONE = 0
    ROWS_FAILED = 1
    USAGE = 2
    STOPPED = 3
    LEDGER = 4
    DIFFERS = 5
    INTERRUPTED = 130


EXIT_CODES = """\
exit status:
  0    done; every row has its mask
  1    done, but some rows have no mask, cannot be sent (--dry-run), or are left out: the output says why
  2    nothing was sent: an option, a column or a file is wrong
  3    the API stopped the run (key, credits, model, connection); rows that were done are kept
  4    the ledger of paid jobs cannot be used; nothing more was sent
  5    a dataset is not as it was written
  130  interrupted; run the same command again to go on
"""


def exit_for(error: Exception) -> Exit:
    """Return the exit status for an error that ended a command."""
    if isinstance(error, LedgerError):
        return Exit.LEDGER
    if isinstance(error, ApiError):
        return Exit.STOPPED
    if isinstance(error, CallError) and error.kind is not Failure.BAD_INPUT:
        return Exit.STOPPED
    return Exit.USAGE
