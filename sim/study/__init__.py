"""A study: how the break-even ratio of one layer moves with everything it depends on."""

from .case import StudyCase, Subject
from .run import Case, StudyRow, answered, run_study
from .sections import SECTIONS, cases_of

__all__ = [
    "SECTIONS",
    "Case",
    "StudyCase",
    "StudyRow",
    "Subject",
    "answered",
    "cases_of",
    "run_study",
]
