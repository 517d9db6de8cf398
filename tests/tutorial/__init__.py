"""The tutorial and the README, followed to the letter by a reader with nothing but the wheel."""
