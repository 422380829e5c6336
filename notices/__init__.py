"""What people are told by mail, each derived from a line of the audit."""
