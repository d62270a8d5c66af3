"""Opinion groups, consensus across them, and what tells them apart (METHODS)."""

from .analysis import Analysis, Groups, Place, PublishedMap, analyze, place
from .claims import Claims, claims
from .document import AnalysisDocument, analysis_json
from .publication import Effort, ShownK, Verdict

__all__ = [
    "Analysis",
    "AnalysisDocument",
    "Claims",
    "Effort",
    "Groups",
    "Place",
    "PublishedMap",
    "ShownK",
    "Verdict",
    "analysis_json",
    "analyze",
    "claims",
    "place",
]
