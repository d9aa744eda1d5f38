"""Looking at a frame of masks: gallery, annotator, comparison of prompts, doubts, report."""

from samframe.frame.look.annotator import annotate, replay
from samframe.frame.look.comparison import Comparison
from samframe.frame.look.gallery import view
from samframe.frame.look.page import to_html
from samframe.frame.look.preview import preview
from samframe.frame.look.prompts import compare
from samframe.frame.look.scores import suspicion

__all__ = ["Comparison", "annotate", "compare", "preview", "replay", "suspicion", "to_html", "view"]
