"""Administration → User and Company."""
