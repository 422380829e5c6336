"""Django's settings. The only module that reads the environment.

With nothing set, the embedded default serves: SQLite, keys made at the first
start, and mail as files, all below DATA_DIR. README.md lists every variable.
"""

import os
from base64 import urlsafe_b64encode
from functools import partial
from secrets import token_bytes, token_urlsafe
from typing import Any

from django.utils.csp import CSP

from m2v import environment as parse
from m2v import folders, listening, mail_settings
from m2v.installed import INSTALLED, LOCALES, ROOT, SHARED
from m2v.keys import for_its_owner_alone, kept
from m2v.own_networks import networks

env = parse.Environment(os.environ)

DEBUG = env.read("DEBUG", partial(parse.switch, "DEBUG"))
DATA_DIR = env.read("DATA_DIR", folders.folder, "~/.local/share/m2v" if INSTALLED else str(ROOT / "var"))
# Whatever is made from here on is its owner's alone, in a folder that was there before too.
os.umask(os.umask(0o077) | 0o077)
folders.make_folder("DATA_DIR", DATA_DIR)

# --- Where the site is. BASE_URL alone decides; a request's Host header never does. ---

PORT = env.read("PORT", parse.port, "8000")
BASE_URL, _scheme, _host = env.read("BASE_URL", parse.base_url, f"http://localhost:{PORT}")
ALLOWED_HOSTS = [_host]
CSRF_TRUSTED_ORIGINS = [BASE_URL]
PASSKEY_ORIGIN = BASE_URL
PASSKEY_RP_ID = _host
ISSUER = env.read("ISSUER", partial(parse.issuer, _host))  # in authenticator apps; two installations have two names
OVER_TLS = _scheme == "https"
PASSKEYS_REFUSED = parse.passkeys_refused(_scheme, _host)
# How many proxies of ours a request passes; the outermost ends TLS and sets X-Forwarded-Proto itself.
BEHIND_PROXY = env.read("BEHIND_PROXY", parse.proxies)
# Where m2v.server listens, with how many processes, and with which certificate where it ends TLS itself.
HOST = env.read("HOST", listening.address, "127.0.0.1")
WORKERS = env.read("WORKERS", parse.workers, "2")
TLS_CERTIFICATE = env.read("GRANIAN_SSL_CERTIFICATE", partial(listening.certificate, "GRANIAN_SSL_CERTIFICATE"))
TLS_KEY = env.read("GRANIAN_SSL_KEYFILE", partial(listening.certificate, "GRANIAN_SSL_KEYFILE"))
# Where monitoring asks for numbers, apart from the site: nobody signs in there.
METRICS = env.read("METRICS", listening.metrics)
for _why in (
    *parse.contradictions(
        origin=BASE_URL,
        over_tls=OVER_TLS,
        is_local=parse.is_local(_host),
        behind_proxy=BEHIND_PROXY,
        tls_certificate=TLS_CERTIFICATE,
        tls_key=TLS_KEY,
        half=len(env.unset("GRANIAN_SSL_CERTIFICATE", "GRANIAN_SSL_KEYFILE")) == 1,
        debug=DEBUG,
    ),
    *listening.same_port((HOST, PORT), METRICS),
):
    env.refuse(_why)

# --- Keys ---

SECRET_KEY = env.read(
    "SECRET_KEY",
    lambda text: parse.secret_key("SECRET_KEY", text or kept(DATA_DIR / "secret_key", token_urlsafe(64))),
)
SECRET_KEY_FALLBACKS = env.read("SECRET_KEY_FALLBACKS", parse.fallback_keys)
# Comma-separated `id:key`, the key 32 bytes in URL-safe base64. The first encrypts, all decrypt.
MFA_ENCRYPTION_KEYS = env.read(
    "MFA_ENCRYPTION_KEYS",
    lambda text: parse.encryption_keys(
        text or kept(DATA_DIR / "mfa_encryption_key", "k1:" + urlsafe_b64encode(token_bytes(32)).decode())
    ),
)
# Signs the audit's checkpoints: 32 bytes in URL-safe base64. Those it took the place of are listed by their public halves.
AUDIT_SIGNING_KEY = env.read(
    "AUDIT_SIGNING_KEY",
    lambda text: parse.signing_key(
        text or kept(DATA_DIR / "audit_signing_key", urlsafe_b64encode(token_bytes(32)).decode())
    ),
)
AUDIT_PUBLIC_KEYS = env.read("AUDIT_PUBLIC_KEYS", parse.public_keys)
AUDIT_SEALED_AFTER = 60  # seconds that a line of the audit waits for others, to be sealed with them
CHECK_KEYS_AT_START = True

# --- What the site is made of ---

INSTALLED_APPS = [
    "m2v",
    "companies",
    "notices",
    "mfa",
    "accounts",
    "audit",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_tasks_db",
    "heroicons",
    "django.forms",
]

MIDDLEWARE = [
    "m2v.headers.HeadersMiddleware",
    "m2v.request_ids.RequestIdMiddleware",
    "m2v.health.HealthMiddleware",
    *(["m2v.metrics.middleware.RequestTimesMiddleware"] if METRICS else []),
    "django.middleware.security.SecurityMiddleware",
    "m2v.static_files.StaticFilesMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "accounts.middleware.BrowserLanguageMiddleware",
    "m2v.outage.OutageMiddleware",
    "accounts.middleware.OriginMiddleware",
    "accounts.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "m2v.uploads.BodyLengthMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.ActingSessionMiddleware",
    "mfa.steps.LoginStepsMiddleware",  # is an AuthenticationMiddleware
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.LanguageMiddleware",
    "accounts.middleware.SignInRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "m2v.errors.MethodPagesMiddleware",
]

ROOT_URLCONF = "m2v.urls"
WSGI_APPLICATION = "m2v.wsgi.application"
FORM_RENDERER = "m2v.forms.Renderer"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [SHARED / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.messages.context_processors.messages",
                "m2v.context.site",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "m2v.templatetags.icons",
                "accounts.templatetags.people",
                "mfa.templatetags.factors",
            ],
        },
    }
]

# --- Data ---

_embedded = not env.read("DATABASE_URL", str)
DATABASES = {
    "default": env.read("DATABASE_URL", lambda text: parse.database(text or f"sqlite:///{DATA_DIR / 'm2v.sqlite3'}"))
}
_on_a_server = DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3"
# Keys that only this machine knows, where others may use the same database; at localhost it is tried out.
KEYS_NOT_SET = (
    env.unset("SECRET_KEY", "MFA_ENCRYPTION_KEYS", "AUDIT_SIGNING_KEY")
    if _on_a_server and not parse.is_local(_host)
    else []
)
# Demo people, whose passwords are printed, are for trying it out: never where real people may be meant to sign in.
DEMO_ALLOWED = _embedded and not OVER_TLS
for_its_owner_alone(
    *(DATA_DIR / f"m2v.sqlite3{end}" for end in ("", "-wal", "-shm", "-journal")),
    *(DATA_DIR / name for name in ("secret_key", "mfa_encryption_key", "audit_signing_key", "outbox")),
)
if not _on_a_server:
    # A write transaction takes its lock when it begins, and waits its turn: no "database is locked" half-way.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # In memory, threads lock each other's tables; the races are tested on a file.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
else:
    # A host that swallows what it is sent, as one that lost its power does, would hold each request for a quarter of an
    # hour: a connection is given up where nothing of what was sent is acknowledged for so long.
    patience = {
        "connect_timeout": 5,
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
    }
    DATABASES["default"]["OPTIONS"] = patience | DATABASES["default"].get("OPTIONS", {})
    # Between two transactions a pool may give the connection to another (pgbouncer): nothing is kept in it.
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": env.read("CACHE_URL", parse.cache, "locmemcache://")}
# A ceremony's answer is under 8 kB, a form under 4.
LONGEST_BODY = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
# There one file is read, in memory. Whatever else is sent as one is left unread; nothing is written to disk.
FILE_PAGE = "/settings/administration/users/import/"
FILE_UPLOAD_HANDLERS = ["m2v.uploads.OneFile"]
# Where more may come, of those to whom the page opens: a list of people to be made (20,000 lines or so), and 5,000 names
# with their addresses, each letter beyond ASCII as six.
LONGER_BODIES = {FILE_PAGE: 2 * 1024 * 1024, "/settings/administration/users/bulk/names/": 1024 * 1024}
# Beside files; what comes to which page is bounded before (m2v.gateway, m2v.uploads).
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# --- People, passwords, sessions ---

# Where many people come from one address: it has ten times the guesses of any other, and each person no more.
OWN_NETWORKS = env.read("OWN_NETWORKS", networks)

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["mfa.backends.SignInBackend"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
PASSWORD_HASHERS = ["accounts.hashers.Argon2Hasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "mfa.passwords.Length"},
    {"NAME": "accounts.guessing.Breached"},
    {"NAME": "accounts.guessing.Context"},
]

SESSION_ENGINE = "accounts.sessions.store"
SESSION_IDLE_SECONDS = env.read("SESSION_IDLE_SECONDS", partial(parse.seconds, "SESSION_IDLE_SECONDS"), "3600")
SESSION_COOKIE_AGE = SESSION_SECONDS = env.read("SESSION_SECONDS", partial(parse.seconds, "SESSION_SECONDS"), "86400")
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- How long what is kept of people and days is kept (accounts.tidying) ---

SHOW_WHEREABOUTS = env.read("SHOW_WHEREABOUTS", partial(parse.switch, "SHOW_WHEREABOUTS"), "true")
SNAPSHOT_MONTHS = env.read("SNAPSHOT_MONTHS", partial(parse.months, "SNAPSHOT_MONTHS"))
GUESS_DAYS = env.read("GUESS_DAYS", partial(parse.days, "GUESS_DAYS", 2, 366), "30")  # no budget lasts for two
INVITATION_DAYS = env.read("INVITATION_DAYS", partial(parse.days, "INVITATION_DAYS", 1, 30), "7")

# --- What is done in the background: a queue in the same database, and `manage.py work` at its other end ---

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

# --- What the browser is told ---

_PREFIX = "__Host-" if OVER_TLS else ""
SESSION_COOKIE_NAME = f"{_PREFIX}session"
CSRF_COOKIE_NAME = f"{_PREFIX}csrf"
LANGUAGE_COOKIE_NAME = f"{_PREFIX}language"
KNOWN_BROWSER_COOKIE_NAME = f"{_PREFIX}known"  # accounts.throttle.known_browsers
HELD_FORMS_COOKIE_NAME = f"{_PREFIX}forms"  # mfa.held_forms
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = OVER_TLS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "m2v.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_SSL_REDIRECT = OVER_TLS
SECURE_REDIRECT_EXEMPT = ["^passkeys/"]  # for scripts: refused without TLS, never sent on (mfa.views.passkeys)
SECURE_HSTS_SECONDS = 63_072_000 if OVER_TLS else 0
_reach = env.read("HSTS", parse.hsts, "preload")  # a company's other sites below its name may lack TLS
SECURE_HSTS_INCLUDE_SUBDOMAINS = OVER_TLS and _reach != "host"
SECURE_HSTS_PRELOAD = OVER_TLS and _reach == "preload"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
    "require-trusted-types-for": ["'script'"],
    "trusted-types": ["m2v"],
    "report-uri": ["/csp-report/"],
    "report-to": ["csp"],
}

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [ROOT / "m2v" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "m2v.storage.StaticStorage"
    },
}
WHITENOISE_ALLOW_ALL_ORIGINS = False

# --- Languages and times ---

USE_I18N = USE_TZ = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [LOCALES]
TIME_ZONE = env.read("TIME_ZONE", parse.time_zone, "UTC")

# --- Mail ---

DEFAULT_FROM_EMAIL = env.read("EMAIL_FROM", mail_settings.sender, f"m2v <no-reply@{mail_settings.mail_domain(_host)}>")
folders.make_folder("DATA_DIR", DATA_DIR / "outbox")
MAILERS = env.read("EMAIL_URL", partial(mail_settings.mailers, DATA_DIR / "outbox"))
# Mail as files is the embedded default, knowingly: no server is needed to try the product.
# User names are unique by their folded text, which Django does not see.
SILENCED_SYSTEM_CHECKS = ["mail.E001", "auth.W004"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "m2v.logs.JsonFormatter"}},
    "filters": {"bounded": {"()": "m2v.logs.Bounded"}},
    "handlers": {"stderr": {"class": "m2v.logs.LogStream", "formatter": "json", "filters": ["bounded"]}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"m2v": {"level": "INFO"}},
}

env.end()
