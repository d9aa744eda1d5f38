"""One paid job that shows what a service really does."""

from samframe.frame.check.check import check, plan_check

__all__ = ["check", "plan_check"]
