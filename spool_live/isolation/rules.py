"""Every rule that the verification checks. A code never changes its meaning.

The letter of a code names its group. Attacks: ``R`` reads, ``X`` Realtime's check for each
subscriber, ``W`` writes, ``S`` private tables and functions, ``J`` joins of private channels, ``B``
broadcasts, ``M`` revocation through the mirror and real sites, ``D`` rights that delivery needs.
Catalog: ``T`` tables, ``C`` their columns, constraints and indexes, ``P`` policies, ``G`` grants,
``F`` functions, ``N`` triggers, ``H`` schemas, ``U`` the publication, ``E`` what else API callers
reach, ``A`` roles and settings. ``I`` is what could not be examined.
"""

from __future__ import annotations

from spool_live.isolation.findings import Rule, Severity

_SETUP = "Run manage.py live_setup."
_SEE_CATALOG = (
    "See the findings of this report about policies, functions and grants for the cause: run "
    "manage.py live_setup, then the SQL that they give."
)
_ACCEPT = (
    "Close it. If it is open on purpose, and you have reviewed it, accept it: "
    'manage.py verify_rls --accept OBJECT --reason "..." --author "...".'
)
_MIGRATED = (
    "Run manage.py migrate if migrations are missing; otherwise the SQL restores what they made, "
    "once no row contradicts it."
)
_LOOK = "It is not part of spool_live: drop it, or make sure that it does no harm."

RULES: dict[str, Rule] = {}


def _rule(severity: Severity, code: str, title: str, remedy: str) -> Rule:
    RULES[f"RLS-{code}"] = rule = Rule(f"RLS-{code}", severity, title, remedy)
    return rule


def _error(code: str, title: str, remedy: str = _SEE_CATALOG) -> Rule:
    return _rule(Severity.ERROR, code, title, remedy)


def _warning(code: str, title: str, remedy: str = _SEE_CATALOG) -> Rule:
    return _rule(Severity.WARNING, code, title, remedy)


def _note(code: str, title: str, remedy: str) -> Rule:
    return _rule(Severity.NOTE, code, title, remedy)


READ_OWN = _error("R01", "A valid token reads its own site's updates")
READ_OTHER = _error("R02", "A valid token reads no other site's updates")
READ_WITHOUT_RIGHT = _error("R03", "A token without the right to a site reads nothing")
READ_RAISES = _error("R04", "No claims make a read fail with an error")
READ_OTHER_ROLE = _error("R05", "No role other than authenticated reads updates")
READ_OPERATION = _error("R06", "No form of query reaches another site's updates")

POLL_OWN = _error("X01", "Realtime delivers an update to a valid token of its site")
POLL_WITHOUT_RIGHT = _error("X02", "Realtime delivers an update to subscribers of its site only")
POLL_RAISES = _error("X03", "No subscriber's claims stop Realtime for the whole project")

WRITE_INSERT = _error("W01", "API roles cannot insert updates")
WRITE_UPDATE = _error("W02", "API roles cannot change updates")
WRITE_DELETE = _error("W03", "API roles cannot delete updates")
WRITE_LOCK = _error("W04", "API roles cannot lock updates")

PRIVATE_READ = _error("S01", "API roles cannot read private tables")
PRIVATE_CALL = _error("S02", "API roles cannot call private functions")
PRIVATE_WRITE = _error("S03", "API roles cannot write private tables")

JOIN_OWN = _error("J01", "A valid token joins its site's topic")
JOIN_OTHER = _error("J02", "A valid token joins no topic of a site but its own current one")
JOIN_WITHOUT_RIGHT = _error("J03", "A token without the right to a site joins no site's topic")
JOIN_RAISES = _error("J04", "No claims make a join fail with an error")
JOIN_OTHER_ROLE = _error("J05", "No role other than authenticated joins a site's topic")
JOIN_SEND = _error("J06", "No API role can send to a site's topic")
JOIN_PRESENCE = _error("J07", "No API role can use presence on a site's topic")

BROADCAST_MISSING = _error("B01", "Every new update is broadcast, once and in order")
BROADCAST_TOPIC = _error("B02", "A broadcast goes to its site's topic only")
BROADCAST_PRIVATE = _error("B03", "A broadcast is private")
BROADCAST_FORM = _error("B04", "A broadcast has the event and payload that clients expect")
BROADCAST_LIMITS = _error("B05", "A broadcast has at most 100 updates and 100 kB")
BROADCAST_OLD_TOPIC = _error("B06", "Nothing is sent to a topic that is no longer valid")
BROADCAST_CALL = _error("B07", "A topic that is no longer valid is asked to re-authenticate, once")

REVOKED_GOES_ON = _error("M01", "A key that the mirror has revoked reads and joins nothing")
OTHERS_STOP = _error("M02", "The other keys of a site keep working after a revocation")

REAL_SITE_LEAKS = _error("M03", "No token of a real site reads updates that it has no right to")
REAL_SITE_SILENT = _error("M04", "Each real site reads its own updates")

DELIVER_INSERT = _error("D01", "The service role can deliver updates", _SETUP)
DELIVER_MIRROR = _error("D02", "The service role can mirror sites", _SETUP)
DELIVER_CLEANUP = _error("D03", "The service role can clean up", _SETUP)

DELIVER_BYPASS = _error("D04", "The service role bypasses Row Level Security", _SETUP)

TABLE_MISSING = _error("T01", "The tables of spool_live exist", "Run manage.py migrate.")
TABLE_RLS = _error("T02", "Row Level Security is enabled")
TABLE_OWNER = _error(
    "T03", "The tables of spool_live belong to the migrating role, or to one that it can become"
)
TABLE_KIND = _error(
    "T04",
    "The tables of spool_live are ordinary and logged, and do not force policies on their owner",
    "Realtime and the policies need an ordinary table: make it one again.",
)
TABLE_INHERITS = _error(
    "T05",
    "The tables of spool_live neither inherit nor are inherited from",
    "End the inheritance: rows that are read through one table do not pass the other's policies.",
)
TABLE_RULES = _error(
    "T06", "There is no rewrite rule on the tables of spool_live and on realtime.messages", _LOOK
)
TABLE_IDENTITY = _warning("T07", "The replica identity of live_updates is its primary key")

COLUMN_DIFFERS = _error("C01", "The columns of spool_live's tables match the migrations", _MIGRATED)
KEY_DIFFERS = _error(
    "C02", "The primary and unique keys of spool_live's tables match the migrations", _MIGRATED
)
CONSTRAINT_DIFFERS = _error(
    "C03", "The foreign keys and checks of spool_live's tables match the migrations", _MIGRATED
)
CONSTRAINT_OFF = _error("C04", "The constraints of spool_live's tables are enforced", _MIGRATED)
INDEX_DIFFERS = _warning(
    "C05", "The indexes of spool_live's tables match the migrations", _MIGRATED
)
SEQUENCE_DIFFERS = _error(
    "C07", "The sequences of spool_live's tables match the migrations", _MIGRATED
)
STRANGER = _error("C06", "The schema and the function names of spool_live are its own", _LOOK)

POLICY_MISSING = _error("P01", "The policies of spool_live exist", _SETUP)
POLICY_DIFFERS = _error("P02", "The policies of spool_live are unchanged", _SETUP)
POLICY_ADDED = _error("P03", "There is no additional permissive policy", _LOOK)
POLICY_RESTRICTS = _warning("P04", "There is no additional restrictive policy", _LOOK)
POLICY_ON_MESSAGES = _note(
    "P05",
    "Other policies on realtime.messages are for other topics",
    "No action is needed: spool_live's restrictive policy keeps it off the topics of sites.",
)

GRANT_TABLE = _error("G01", "API roles have only the rights they need on spool_live's tables")
GRANT_COLUMN = _error("G02", "API roles have no rights on columns of spool_live's tables")
GRANT_OPTION = _error("G04", "API roles cannot grant rights on spool_live's tables to others")
GRANT_SEQUENCE = _error("G05", "API roles have no rights on sequences of spool_live's tables")
GRANT_MISSING = _error("G03", "API roles have the rights they need", _SETUP)

FUNCTION_MISSING = _error("F01", "The functions of spool_live exist", "Run manage.py migrate.")
FUNCTION_BODY = _error("F02", "The code of spool_live's functions is unchanged")
FUNCTION_ATTRIBUTES = _error("F03", "The attributes of spool_live's functions are unchanged")
FUNCTION_OWNER = _error(
    "F04", "The owner of spool_live's functions sees its tables; the migrating role can become it"
)
FUNCTION_EXECUTE = _error("F05", "Only roles that need spool_live's functions may execute them")
FUNCTION_NO_EXECUTE = _error(
    "F06", "The roles that need spool_live's functions may execute them", _SETUP
)

TRIGGER_DIFFERS = _error("N01", "The broadcast trigger is unchanged")
TRIGGER_DISABLED = _error("N02", "The broadcast trigger is enabled")
TRIGGER_ADDED = _error(
    "N03", "There is no additional trigger on spool_live's tables and on realtime.messages", _LOOK
)

EVENT_TRIGGER = _error(
    "N04",
    "No event trigger prevents the attacks from being tried",
    "The attacks need temporary functions: disable the event trigger while verify_rls runs.",
)

SCHEMA_USAGE = _error("H01", "API roles have no rights on the schema spool_live")
SCHEMA_EXPOSED = _error(
    "H02",
    "Private schemas are not exposed",
    "Remove it from the exposed schemas (Project Settings, Data API).",
)
SCHEMA_DEFAULTS = _error("H04", "New objects in the schema spool_live are not open to API roles")
SCHEMA_OWNER = _error(
    "H05", "The schema spool_live belongs to the migrating role, or to one that it can become"
)
SCHEMA_CREATE = _warning("H03", "API roles cannot create objects in exposed schemas")

PUBLICATION_MISSING = _warning("U01", "live_updates is in the publication of Realtime", _SETUP)
PUBLICATION_DELETES = _warning(
    "U02",
    "The publication publishes no deletions",
    "DELETE events pass no policy: they give the primary keys of deleted rows to every subscriber, "
    "of any site, that does not ask for INSERT only. spool_live does not need them. If no other "
    "table is in the publication, run manage.py live_setup --insert-only.",
)
PUBLICATION_PRIVATE = _error("U03", "The publication contains no private table")
PUBLICATION_MUTED = _warning(
    "U05",
    "A publication that publishes only inserts contains no other table",
    "If those events are needed: alter publication supabase_realtime set "
    "(publish = 'insert, update, delete'). Deletions of updates then disclose ids (RLS-U02).",
)
PUBLICATION_FILTER = _warning(
    "U04",
    "The publication has no row filter and no column list for live_updates",
    "Remove them: Realtime ignores filters and column lists, and delivers what they seem to hide.",
)

EXPOSED_PRIVATE = _error("E01", "API roles cannot access Django's tables")
EXPOSED_NO_RLS = _error("E02", "Every table that API roles can access has Row Level Security")
EXPOSED_OTHER = _note(
    "E03",
    "Tables with policies, and views, of other apps that API roles can access are known",
    _ACCEPT,
)
EXPOSED_VIEW = _error("E04", "No view leads to private tables with another role's rights", _ACCEPT)
EXPOSED_FUNCTION = _error("E05", "No function leads to private tables", _ACCEPT)
EXPOSED_DEFINER = _warning(
    "E06", "API roles can call no other function that runs with its owner's rights", _ACCEPT
)
EXPOSED_DYNAMIC = _error(
    "E08",
    "Nothing that API roles reach becomes another role or caller, changes rights, or runs any SQL",
    "The session of a request can become every API role, also service_role, and so can code that "
    f"runs in it. {_ACCEPT}",
)
EXPOSED_FOREIGN = _error("E09", "API roles reach no foreign table", _ACCEPT)
EXPOSED_SUPERUSER = _error(
    "E10",
    "API roles reach nothing that runs with the rights of a superuser",
    "Change its owner, or revoke access to it: this finding cannot be accepted.",
)
EXPOSED_OPAQUE = _error("E11", "API roles reach no code that cannot be read", _ACCEPT)
EXPOSED_PATH = _error("E12", "No table leads to private tables", _ACCEPT)
EXPOSED_SECRET = _error("E13", "API roles cannot read secrets from settings", _ACCEPT)
SUPABASE_UNKNOWN = _note(
    "E14",
    "Functions of Supabase that API roles can call are known to spool_live",
    "No action is needed: it belongs to Supabase, and is trusted.",
)
EXPOSED_DEFAULTS = _warning("E07", "New tables are not open to API roles")

ROLE_BYPASSES = _error("A01", "No API role except service_role bypasses Row Level Security")
ROLE_DATA = _error(
    "A02", "No API role has the rights of PostgreSQL's predefined roles or of spool_live's owner"
)
ROLE_SETTING = _error(
    "A04", "No API role has a setting that changes its identity, or how policies work"
)
ROLE_LOGIN = _error("A05", "No API role can log in to the database and set claims of its own")
ROLE_POWERS = _error(
    "A06", "No API role may create roles, databases or schemas, read the WAL, or set parameters"
)
SYSTEM_OPEN = _error(
    "A10",
    "PostgreSQL's own tables and functions are as it installs them, for API roles",
    "If no SQL is given, compare the function with that of a new database of the same version.",
)
SETTING_BREAKS = _error("A07", "No setting makes reads or delivery fail")
SETTING_UNKNOWN = _warning("A08", "Settings that apply to requests are known to be harmless")
SETTING_SECRET = _warning(
    "A09",
    "No secret is kept in a setting",
    "Every role may read settings: move it to Supabase's Vault, or to the server's environment.",
)
ROLE_UNTRIED = _warning(
    "A03",
    "verify_rls can become every API role",
    "Grant it to the migrating role, so that verify_rls can try attacks as this role.",
)

REALTIME_UNSEEN = _warning("I01", "Broadcasts can be examined")
INCOMPLETE = _error(
    "I02",
    "Every check could be run",
    "In most cases another finding of this report names the cause; otherwise the reason does.",
)
ACCEPTED_UNUSED = _note(
    "I03",
    "Every accepted object still has a finding",
    "Remove its entry from the file of accepted findings.",
)
