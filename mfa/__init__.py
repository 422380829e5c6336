"""The subject: what is demanded of people at sign-in, what they hold, and the steps that take them in."""
