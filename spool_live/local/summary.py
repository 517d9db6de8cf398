"""The summary of a running local Supabase, as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping

from spool_live.local.config import LocalSupabaseConfig

_WARNING = """\
+-------------------------------------------------------------------------------+
|  LOCAL SUPABASE: FOR DEVELOPMENT AND TESTS ONLY. NEVER USE IT IN PRODUCTION.  |
|  No TLS, no backups, no fsync. The secrets below are good for this one only.  |
+-------------------------------------------------------------------------------+"""
_PRIVILEGES = {
    "grant-all": "open to anon, authenticated and service_role (grant-all)",
    "grant-none": "closed to anon, authenticated and service_role (grant-none)",
}


def as_json(config: LocalSupabaseConfig) -> dict[str, str]:
    """Return addresses and secrets by name. It has every secret: write it only where nobody but its
    owner can read it."""
    return {
        "url": config.url,
        "publishable_key": config.publishable_key,
        "secret_key": config.secret_key,
        "anon_key": config.api_key_jwt("anon"),
        "service_role_key": config.api_key_jwt("service_role"),
        "jwt_secret": config.jwt_secret,
        "signing_key": config.signing_key,
        "database_url": config.conninfo("postgres"),
        "authenticator_database_url": config.conninfo("authenticator"),
        "state_dir": str(config.state_dir),
        "privileges": config.privilege_world,
    }


def as_text(config: LocalSupabaseConfig) -> str:
    """Return the text for people: a warning, and settings to copy. Print it, but do not log it."""
    spool_live = {
        "SUPABASE_URL": config.url,
        "SUPABASE_PUBLISHABLE_KEY": config.publishable_key,
        "SUPABASE_SECRET_KEY": config.secret_key,
        "JWT_SIGNING_KEY": config.jwt_secret,
    }
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": config.host,
        "PORT": str(config.database_port),
        "NAME": config.database_name,
        "USER": "postgres",
        "PASSWORD": config.database_password,
    }
    return f"""\
{_WARNING}

API         {config.url}
database    {config.conninfo("postgres")}
state       {config.state_dir}
new tables  are {_PRIVILEGES[config.privilege_world]}

Settings to copy:

SPOOL_LIVE = {_source(spool_live)}
DATABASES["default"] = {_source(database)}  # or another alias, as SPOOL_LIVE["SUPABASE_DATABASE"]

# To sign tokens as projects of today do: "JWT_ALGORITHM": "ES256", and as JWT_SIGNING_KEY the
# signing_key that --ready-file and --format json have.

Ctrl-C stops it.
"""


def _source(setting: Mapping[str, str]) -> str:
    lines = "".join(f'    "{name}": "{value}",\n' for name, value in setting.items())
    return f"{{\n{lines}}}"
