"""Audit of settings of roles and of the database, by what they do to requests."""

from __future__ import annotations

import re
from collections.abc import Iterator

from spool_live.isolation import rules
from spool_live.isolation.findings import Finding, Rule
from spool_live.isolation.reach.words import SECRET_SETTING, sets_identity
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import SERVICE_ROLE, Target

LOGIN = "authenticator"
_SHORTEST = 500
"""Milliseconds below which a timeout ends healthy requests."""
_UNITS = {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_OFF = ("off", "false", "no", "0")
_POSTGREST = re.compile(
    r"pgrst\.(db_schemas?|db_extra_search_path|db_max_rows|max_rows|db_pool\w*|db_channel\w*"
    r"|db_config|db_prepared_statements|db_aggregates_enabled|db_timezone_enabled|openapi_\w+"
    r"|log_\w+|server_\w+|admin_\w+|jwt_cache_\w+|client_error_verbosity|app_settings\..*)"
)
_POSTGREST_VALUES = {
    "pgrst.db_anon_role": ("anon",),
    "pgrst.jwt_role_claim_key": (".role", '."role"'),
    "pgrst.jwt_aud": ("", "authenticated"),
    "pgrst.db_tx_end": ("commit",),
    "pgrst.db_plan_enabled": ("false", "off", "no", "0"),
}
_PRE_REQUEST = ("pgrst.db_pre_request", "pgrst.db_root_spec")
_TIMEOUT = re.compile(r"\w*_timeout")
_HARMLESS = re.compile(
    r"(log|enable|jit|geqo|cpu|seq_page|random_page|parallel|max_parallel|min_parallel|effective"
    r"|temp|track|debug|vacuum|wal|lc|tcp|stats|commit|default_statistics|from_collapse"
    r"|join_collapse|backend_flush|maintenance|autovacuum|default_t\w+|gin_pending|hash_mem)(_\w+)?"
    r"|work_mem|logical_decoding_work_mem|search_path|timezone|datestyle|intervalstyle"
    r"|extra_float_digits|bytea_output|application_name|client_min_messages|synchronous_commit"
    r"|plan_cache_mode|constraint_exclusion|cursor_tuple_fraction|recursive_worktable_factor"
    r"|password_encryption|compute_query_id|update_process_title|check_function_bodies"
    r"|createrole_self_grant|escape_string_warning|quote_all_identifiers|event_triggers",
    re.IGNORECASE,
)
_BREAKS = {
    "client_encoding": ("utf8", "utf-8", "unicode"),
    "standard_conforming_strings": ("on", "true", "yes", "1"),
    "transform_null_equals": _OFF,
    "array_nulls": ("on", "true", "yes", "1"),
    "gin_fuzzy_search_limit": ("0",),
    "restrict_nonsystem_relation_kind": ("", '""'),
    "backslash_quote": ("safe_encoding", "off"),
    "default_transaction_isolation": ("read committed", "repeatable read"),
    "xmloption": ("content",),
}
_LIBRARIES = re.compile(r"(session|local|shared)_preload_libraries|dynamic_library_path")


def audit_settings(box: Sandbox, target: Target) -> Iterator[Finding]:
    """Yield findings about every setting that applies to requests of the API."""
    parameters = {"roles": [LOGIN, *(role.name for role in target.roles)]}
    for row in box.rows("role_settings", parameters):
        name, value = row["name"].lower(), row["value"]
        verdict = _judge(name, value, row["whose"], is_function=row["is_function"])
        if verdict is not None:
            rule, why = verdict
            shown = "(a secret)" if SECRET_SETTING.search(name) else repr(value)
            reason = f"{name} is {shown}: {why}"
            yield rule.broken(row["whose"], reason, sql=row["reset"])


def _judge(name: str, value: str, whose: str, *, is_function: bool) -> tuple[Rule, str] | None:
    if name.startswith("pgrst."):
        return _judge_postgrest(name, value, is_function=is_function)
    if sets_identity(name) or name.startswith("realtime."):
        return rules.ROLE_SETTING, "it changes who asks, or how policies and functions work"
    if _LIBRARIES.fullmatch(name) and value.strip('"'):
        return rules.ROLE_SETTING, "it runs code of a library in every session"
    if SECRET_SETTING.search(name):
        return rules.SETTING_SECRET, "every role may read it, and every function return it"
    if broken := _breaks(name, value, whose):
        return rules.SETTING_BREAKS, broken
    return None if _is_known(name) else (rules.SETTING_UNKNOWN, "its effect is not known here")


def _is_known(name: str) -> bool:
    """Return whether the setting is known to be harmless here, or belongs to an extension or an
    application (it has a dot)."""
    known = _HARMLESS.fullmatch(name) or _TIMEOUT.fullmatch(name)
    return bool(known) or "." in name or name in (*_BREAKS, "default_transaction_read_only")


def _judge_postgrest(name: str, value: str, *, is_function: bool) -> tuple[Rule, str] | None:
    if name in _PRE_REQUEST:  # the walk examines what the function does
        missing = bool(value) and not is_function
        return (rules.SETTING_BREAKS, "that function does not exist") if missing else None
    if name in _POSTGREST_VALUES:
        right = value.strip('"') in _POSTGREST_VALUES[name] or value in _POSTGREST_VALUES[name]
        return None if right else (rules.ROLE_SETTING, "it changes who asks, or what is answered")
    if _POSTGREST.fullmatch(name):
        if SECRET_SETTING.search(name):
            return rules.SETTING_SECRET, "every role may read it"
        return None
    return rules.ROLE_SETTING, "it lets readers forge tokens, or its effect is not known here"


def _breaks(name: str, value: str, whose: str) -> str:
    plain = value.strip('"').lower()
    if _TIMEOUT.fullmatch(name) and 0 < _milliseconds(plain) < _SHORTEST:
        return "it ends healthy requests"
    if name in _BREAKS and plain not in _BREAKS[name]:
        return "requests fail, or get other answers"
    if name == "default_transaction_read_only" and plain not in _OFF:
        writes = whose in (SERVICE_ROLE, LOGIN, "all roles")
        return "nothing can be delivered" if writes else ""
    return ""


def _milliseconds(value: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", value)
    return float(found[1]) * _UNITS.get(found[2] or "ms", 1) if found else 0
