"""Masks against truth: the evaluation of a frame, its tables and its pictures."""

from samframe.frame.measure.evaluate import evaluate, mask_column
from samframe.frame.measure.evaluation import Evaluation
from samframe.frame.measure.images import cell_keys, share_images

__all__ = ["Evaluation", "cell_keys", "evaluate", "mask_column", "share_images"]
