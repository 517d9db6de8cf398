"""The parts of the demo, and the order in which they start."""

from .run import DemoOptions, run_demo

__all__ = ["DemoOptions", "run_demo"]
