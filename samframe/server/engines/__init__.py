"""What stands behind the server: the drawn engine, a caller's own, or a cheap one that draws."""

from samframe.server.engines.choice import DrawnEngine, ellipse, make_engine

__all__ = ["DrawnEngine", "ellipse", "make_engine"]
