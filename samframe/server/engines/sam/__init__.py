"""Segment Anything models on this machine: their weights, their input, and the engine that keeps what they see."""

from __future__ import annotations

from samframe.server.engines.sam.engine import SamEngine
from samframe.server.engines.sam.export_onnx import export_onnx
from samframe.server.engines.sam.load import load_sam

__all__ = ["SamEngine", "export_onnx", "load_sam"]
