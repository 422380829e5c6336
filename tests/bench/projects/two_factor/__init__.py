"""django-two-factor-auth, as its page on installation says.

- Its wizard answers the password with the page that asks for the code: a whole login is four requests, not five.
- Its own templates, in a page of ours around them, as it asks for.
- Without its plugins for text messages, mail, YubiKeys and security keys: each would ask for devices of its own.
- It signs nobody in by a passkey: its plugin for WebAuthn is a second factor after the password.
- The page behind the login is open to those alone who gave a code (`otp_required`).
"""
