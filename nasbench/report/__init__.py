"""One HTML page about results, for readers who have nothing installed."""

from __future__ import annotations

from nasbench.report.page import write_report

__all__ = ["write_report"]
