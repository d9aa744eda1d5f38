"""One static page of a frame's rows, for people without a kernel."""

from samframe.report.page import write_html
from samframe.report.rows import ReportColumns

__all__ = ["ReportColumns", "write_html"]
