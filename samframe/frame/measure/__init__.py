"""Masks against truth: the evaluation of a frame, its tables and its pictures."""

from samframe.frame.measure.evaluate import evaluate
from samframe.frame.measure.evaluation import Evaluation

__all__ = ["Evaluation", "evaluate"]
