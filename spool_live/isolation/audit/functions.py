"""Audit of spool_live's functions: body, attributes, owner, and who may execute them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spool_live.isolation import rules
from spool_live.isolation.audit.expected import ExpectedFunction, expected_functions
from spool_live.isolation.findings import Finding
from spool_live.isolation.sandbox import Sandbox
from spool_live.isolation.target import SERVICE_ROLE, Target

_SETTINGS = ['search_path=""']


def audit_functions(box: Sandbox, target: Target) -> Iterator[Finding]:
    """Compare each function in the catalog with its definition in the SQL files."""
    expected = expected_functions()
    parameters = {
        "signatures": [function.signature for function in expected.values()],
        "roles": [*target.attackers, SERVICE_ROLE],
    }
    actual = {row["name"]: row for row in box.rows("functions", parameters)}
    for name, function in expected.items():
        if name in actual:
            yield from _compared(function, actual[name], target)
        else:
            yield rules.FUNCTION_MISSING.broken(
                function.signature,
                "it does not exist",
                sql=f"{function.definition};\n"
                f"revoke all on function {function.signature} from public;\n"
                f"alter function {function.signature} owner to {target.migrator};",
                remedy=f"Create it (spool_live/sql/{function.source}); then run manage.py "
                "live_setup.",
            )


def _compared(
    function: ExpectedFunction, actual: dict[str, Any], target: Target
) -> Iterator[Finding]:
    restore = _restored(function, actual, target)
    if actual["body"] != function.body:
        yield rules.FUNCTION_BODY.broken(
            function.signature,
            f"its body differs from that in spool_live/sql/{function.source}",
            sql=restore,
        )
    if wrong := ", ".join(_wrong_attributes(function, actual)):
        yield rules.FUNCTION_ATTRIBUTES.broken(function.signature, wrong, sql=restore)
    if why := _wrong_owner(actual, target):
        yield rules.FUNCTION_OWNER.broken(
            function.signature,
            f"its owner {actual['owner']} {why}",
            sql=f"alter function {function.signature} owner to {target.migrator};",
        )
    yield from _callers(function, actual)


def _wrong_owner(actual: dict[str, Any], target: Target) -> str:
    if actual["owner"] in target.attackers:
        return "is an API role"
    if not actual["owner_sees"]:
        return "neither owns spool_live's tables nor sees all rows of them"
    if not actual["owner_is_ours"]:
        return f"is neither {target.migrator} nor a role that {target.migrator} is a member of"
    return ""


def _wrong_attributes(function: ExpectedFunction, actual: dict[str, Any]) -> Iterator[str]:
    if actual["language"] != function.language:
        yield f"language is {actual['language']}, not {function.language}"
    if actual["volatility"] != function.volatility:
        yield f"it is {actual['volatility']}, not {function.volatility}"
    if actual["security_definer"] != function.security_definer:
        yield "it runs with the rights of its caller, not of its owner"
    if form := _wrong_form(function, actual):
        yield form
    for attribute in actual["attributes"]:
        yield f"it is {attribute}"
    if actual["settings"] != _SETTINGS:
        settings = ", ".join(actual["settings"]) or "none"
        yield f"its settings are {settings}, not {_SETTINGS[0]}"


def _wrong_form(function: ExpectedFunction, actual: dict[str, Any]) -> str:
    """Return a difference that CREATE OR REPLACE cannot correct: the function has to be created
    anew."""
    if actual["kind"] != "f":
        return "it is not a plain function"
    if actual["returns"] != function.returns:
        return f"it returns {actual['returns']}, not {function.returns}"
    if tuple(actual["arguments"]) != function.argument_names:
        wanted = ", ".join(function.argument_names)
        return f"its arguments are named {', '.join(actual['arguments'])}, not {wanted}"
    return "its arguments have defaults" if actual["defaults"] else ""


def _callers(function: ExpectedFunction, actual: dict[str, Any]) -> Iterator[Finding]:
    callers = set(actual["callers"])
    too_many = sorted(callers - set(function.callers))
    if actual["public_executes"] or too_many:
        who = ["public"] * actual["public_executes"] + too_many
        yield rules.FUNCTION_EXECUTE.broken(
            function.signature,
            f"{', '.join(who)} may execute it",
            sql=f"revoke execute on function {function.signature} from {', '.join(who)};",
        )
    if actual["pass_on"]:
        holders = ", ".join(actual["pass_on"])
        yield rules.FUNCTION_EXECUTE.broken(
            function.signature,
            f"{holders} may grant the right to execute it to others",
            sql=f"revoke grant option for execute on function {function.signature} from {holders};",
        )
    if missing := sorted(set(function.callers) - callers):
        yield rules.FUNCTION_NO_EXECUTE.broken(
            function.signature,
            f"{', '.join(missing)} may not execute it: policies that call it fail, and that stops "
            "Realtime for the whole project"
            if len(function.callers) > 1
            else f"{', '.join(missing)} may not execute it",
            sql=f"grant execute on function {function.signature} to {', '.join(missing)};",
        )


def _restored(function: ExpectedFunction, actual: dict[str, Any], target: Target) -> str:
    """Return SQL that restores the function. A function of another form has to be dropped with
    everything that depends on it, which ``live_setup`` creates again."""
    statement = function.definition
    if _wrong_form(function, actual):
        return (
            f"drop routine if exists {function.signature} cascade;\n{statement};\n"
            f"revoke all on function {function.signature} from public;\n"
            f"alter function {function.signature} owner to {target.migrator};\n"
            + "".join(
                f"grant execute on function {function.signature} to {role};\n"
                for role in function.callers
            )
        )
    if not statement.startswith("create or replace"):
        statement = statement.replace("create function", "create or replace function", 1)
    return f"{statement};"
