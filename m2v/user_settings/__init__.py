"""User settings: profile, password, "Where you are signed in". Above mfa, which confirms who it is before a change."""
