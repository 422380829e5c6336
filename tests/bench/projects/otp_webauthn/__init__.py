"""django-otp with django-otp-webauthn, as the quickstart of the latter says; codes are checked by django-otp's own view.

- The password is asked for by Django's view and the code by django-otp's, on a page of its own. That one asks only for a
  code when the password was given; alone, it would ask for the password on both pages, and so hash it twice.
- A password leads straight to the page of the code. Sent on by `otp_required`, as documented, it would be a request more.
- Neither brings pages: these have a form, and on the first the tag that brings the passkeys' script.
- Of django-otp's devices only the authenticator app: each further kind is one more query at the code's page.
- The page behind the login is open to those alone who gave a code or a passkey (`otp_required`).
"""
