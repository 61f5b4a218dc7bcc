"""Room 11: reports and progress for people. A report becomes one page of HTML; nothing here measures or decides."""

from .page import html, write_html
from .progress import show_progress
from .reading import read_report

__all__ = ["html", "read_report", "show_progress", "write_html"]
