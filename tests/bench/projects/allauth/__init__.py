"""django-allauth with its `account` and `mfa` apps, as its quickstart and its page on WebAuthn say.

- Of its apps only these two: no social accounts, no list of sessions.
- Its own templates, as they come: it has them for every page of the login.
- An e-mail address that is verified: with the default settings somebody without is sent a mail at each login.
- Its limit of thirty logins a minute for one address on the network would stop the benchmark, which comes from one.
  It is a thousand a second here: the same work is done, and nobody is refused. Its limit on passkeys likewise.
- A code of the thirty seconds before counts, as in all the others; its default takes only the one of this moment.
- The limits and the codes already used are in Django's cache, here the local memory of each worker, which is its
  cheapest: with two workers it takes a code once in each. Shared, it would cost more.
"""
