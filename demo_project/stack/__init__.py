"""What the demo is made of, and the order in which it starts."""

from .run import DemoOptions, run_demo

__all__ = ["DemoOptions", "run_demo"]
