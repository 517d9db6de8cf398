"""What the catalog says, against what our SQL files say."""
