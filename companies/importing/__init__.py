"""People from a file: read, checked line by line, and made once somebody has seen what would happen."""
