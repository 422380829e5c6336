"""Administration → Activity."""
