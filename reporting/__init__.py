"""What was done, and how things stand, for those who have to answer for it."""
