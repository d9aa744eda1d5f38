"""One pace and one budget for several runs or processes."""

from samframe.jobs.shared.coordinator import Coordinator, Exchange, Grant, Report
from samframe.jobs.shared.lease import Lease, LeasedBudget
from samframe.jobs.shared.store import StoreCoordinator

__all__ = ["Coordinator", "Exchange", "Grant", "Lease", "LeasedBudget", "Report", "StoreCoordinator"]
