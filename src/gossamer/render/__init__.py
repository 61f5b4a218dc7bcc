"""Room 11: reports and progress for people. A report becomes one page of HTML; nothing here measures or decides."""

from .page import html, write_html
from .reading import read_report

__all__ = ["html", "read_report", "write_html"]
