"""The load tests of the design, which fail on wrong results and never on time."""
