"""Audit of the API roles: none of them may escape the policies."""

from __future__ import annotations

from collections.abc import Iterator

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding
from spool_live.isolation.target import SERVICE_ROLE, ApiRole, Target
from spool_live.supabase.provisioning import API_ROLES

_ALL_DATA = (
    "pg_read_all_data",
    "pg_write_all_data",
    "pg_maintain",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_execute_server_program",
    "pg_create_subscription",
    "pg_monitor",
    "pg_read_all_settings",
    "pg_read_all_stats",
    "pg_stat_scan_tables",
    "pg_signal_backend",
)


def audit_roles(target: Target) -> Iterator[Finding]:
    """Yield findings about every role that a token can name, by whichever way it is reached."""
    for role in target.roles:
        if role.unbounded and role.name != SERVICE_ROLE:
            what = "is a superuser" if role.superuser else "bypasses Row Level Security"
            repair = f"alter role {role.name} nosuperuser nobypassrls;"
            yield rules.ROLE_BYPASSES.broken(
                role.name, f"{_reached(role)} and {what}", sql=role.withdrawal or repair
            )
        if role.name in _ALL_DATA:
            reason = f"{_reached(role)}, and it has rights on all tables, or more"
            yield rules.ROLE_DATA.broken(role.name, reason, sql=role.withdrawal)
        yield from _inherited(role, target)
        yield from _granted(role, target)
        if role.powers and (role.name in API_ROLES or role.name in target.attackers):
            reason = f"{_reached(role)} and {', '.join(role.powers)}"
            repair = f"alter role {role.name} nocreaterole nocreatedb noreplication;"
            yield rules.ROLE_POWERS.broken(role.name, reason, sql=role.withdrawal or repair)
        if role.name == SERVICE_ROLE and not role.unbounded:
            repair = f"alter role {role.name} bypassrls;"
            yield rules.DELIVER_BYPASS.broken(role.name, "policies apply to it", sql=repair)
        if role.name in API_ROLES and role.can_log_in:
            reason = "it can log in: whoever has its password can set any claims"
            repair = f"alter role {role.name} nologin;"
            yield rules.ROLE_LOGIN.broken(role.name, reason, sql=repair)
        if role.name in target.attackers and not role.attackable:
            reason = f"{_reached(role)}, and {target.migrator} may not become it to try attacks"
            yield rules.ROLE_UNTRIED.broken(role.name, reason)


def _inherited(role: ApiRole, target: Target) -> Iterator[Finding]:
    if role.inherits and role.name in target.attackers:
        sql = "\n".join(f"revoke {membership};" for membership in role.memberships)
        reason = f"it has the rights of {', '.join(role.inherits)} without becoming that role"
        yield rules.ROLE_DATA.broken(role.name, reason, sql=sql)


def _granted(role: ApiRole, target: Target) -> Iterator[Finding]:
    """Yield findings about powers that come from grants, not from attributes of the role."""
    if role.name not in target.attackers:
        return
    if role.makes_schemas:
        yield rules.ROLE_POWERS.broken(
            role.name,
            "it may create schemas",
            sql=f'revoke create on database "{target.database}" from {role.name}, public;',
        )
    for parameter in role.parameters:
        yield rules.ROLE_POWERS.broken(
            role.name,
            f"it may set {parameter}, which only superusers should set",
            sql=f"revoke all on parameter {parameter} from {role.name}, public;",
        )


def _reached(role: ApiRole) -> str:
    return f"a token can name it, through {', '.join(role.through) or 'the login itself'}"
