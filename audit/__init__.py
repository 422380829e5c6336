"""The record: one line for each act and each step of a sign-in. It knows nobody above it; apps listen to it."""
