"""Benchmarks: every figure is shown beside its peer, goal and limit, measured in the same run.

``python -m benchmarks`` (or ``tox run -e bench``) runs them all; ``--help`` names the suites.
"""
