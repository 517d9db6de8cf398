"""What goes with other people's packages, each behind an extra of its own."""
