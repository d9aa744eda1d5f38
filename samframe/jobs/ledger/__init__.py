"""The ledger of paid jobs and the files beside it: tables, writer, readers, owners, a look at their health."""

from samframe.jobs.ledger.artifacts import Artifacts
from samframe.jobs.ledger.doctor import Finding, examine_store
from samframe.jobs.ledger.ledger import Ledger
from samframe.jobs.ledger.proofs import proof_name
from samframe.jobs.ledger.reading import Spending
from samframe.jobs.ledger.schema import is_on_network, safe_journal_mode
from samframe.jobs.ledger.statements import Trial

__all__ = [
    "Artifacts",
    "Finding",
    "Ledger",
    "Spending",
    "Trial",
    "examine_store",
    "is_on_network",
    "proof_name",
    "safe_journal_mode",
]
