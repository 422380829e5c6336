"""One's own settings: profile, password, and where one is signed in. They lie above mfa, which asks who it is before they change."""
