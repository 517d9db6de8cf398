"""Every rule that the verification checks. A code never changes its meaning.

``R`` reads, ``X`` Realtime's check per subscriber, ``W`` writes, ``S`` what is private, ``J`` joins
of private channels, ``B`` broadcasts, ``M`` revocation through the mirror, ``D`` what the delivery
needs; then the catalog: ``T`` tables, ``C`` what they consist of, ``P`` policies, ``G`` grants,
``F`` functions, ``N`` triggers, ``H`` schemas, ``U`` the publication, ``E`` what else API callers
reach, ``A`` roles and settings; ``I`` what could not be looked at.
"""

from __future__ import annotations

from spool_live.isolation.findings import Rule, Severity

_SETUP = "Run manage.py live_setup."
_SEE_CATALOG = (
    "The catalog findings (policies, functions, grants) of this report name the cause; restore "
    "what they say with manage.py live_setup and the SQL they give."
)
_ACCEPT = (
    "Close it, or, where it is open on purpose and was looked at, accept it: "
    'manage.py verify_rls --accept OBJECT --reason "..." --author "...".'
)
_MIGRATED = (
    "Run manage.py migrate where it is behind; else the SQL makes it as the migrations do, once no "
    "row contradicts it."
)
_LOOK = "It is not ours: drop it, or make sure that it does no harm."

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
READ_WITHOUT_RIGHT = _error("R03", "A token without a right reads nothing")
READ_RAISES = _error("R04", "No claims make reading raise an error")
READ_OTHER_ROLE = _error("R05", "No role but authenticated reads updates")
READ_OPERATION = _error("R06", "No form of query reaches another site's updates")

POLL_OWN = _error("X01", "Realtime delivers an update to a valid token of its site")
POLL_WITHOUT_RIGHT = _error("X02", "Realtime delivers an update to no other subscriber")
POLL_RAISES = _error("X03", "No subscriber's claims stop Realtime for the whole project")

WRITE_INSERT = _error("W01", "API roles insert no updates")
WRITE_UPDATE = _error("W02", "API roles change no updates")
WRITE_DELETE = _error("W03", "API roles delete no updates")
WRITE_LOCK = _error("W04", "API roles lock no updates")

PRIVATE_READ = _error("S01", "API roles read no private table")
PRIVATE_CALL = _error("S02", "API roles call no private function")
PRIVATE_WRITE = _error("S03", "API roles write no private table")

JOIN_OWN = _error("J01", "A valid token joins its site's topic")
JOIN_OTHER = _error("J02", "A valid token joins no other topic of a site")
JOIN_WITHOUT_RIGHT = _error("J03", "A token without a right joins no site's topic")
JOIN_RAISES = _error("J04", "No claims make joining raise an error")
JOIN_OTHER_ROLE = _error("J05", "No role but authenticated joins a site's topic")
JOIN_SEND = _error("J06", "No API role sends to a site's topic")
JOIN_PRESENCE = _error("J07", "No API role has presence on a site's topic")

BROADCAST_MISSING = _error("B01", "Every new update is broadcast, once and in order")
BROADCAST_TOPIC = _error("B02", "A broadcast goes to its site's topic only")
BROADCAST_PRIVATE = _error("B03", "A broadcast is private")
BROADCAST_FORM = _error("B04", "A broadcast has the event and payload that clients expect")
BROADCAST_LIMITS = _error("B05", "A broadcast keeps to 100 updates and 100 kB")
BROADCAST_OLD_TOPIC = _error("B06", "Nothing goes to a topic that is over")
BROADCAST_CALL = _error("B07", "A topic that is over is asked to re-authenticate, once")

REVOKED_GOES_ON = _error("M01", "What the mirror revokes is silent at once")
OTHERS_STOP = _error("M02", "The other keys of a site go on after a revocation")

REAL_SITE_LEAKS = _error("M03", "No token of a real site reads what is not that site's")
REAL_SITE_SILENT = _error("M04", "Each real site reads its own updates")

DELIVER_INSERT = _error("D01", "The service role can deliver updates", _SETUP)
DELIVER_MIRROR = _error("D02", "The service role can mirror sites", _SETUP)
DELIVER_CLEANUP = _error("D03", "The service role can clean up", _SETUP)

DELIVER_BYPASS = _error("D04", "The service role bypasses Row Level Security", _SETUP)

TABLE_MISSING = _error("T01", "Our tables are there", "Run manage.py migrate.")
TABLE_RLS = _error("T02", "Row Level Security is on")
TABLE_OWNER = _error("T03", "Our tables belong to the migrating role, or one that it can become")
TABLE_KIND = _error(
    "T04",
    "Our tables are ordinary tables, logged, and not forced upon their owner",
    "Realtime and the policies need an ordinary table: make it one again.",
)
TABLE_INHERITS = _error(
    "T05",
    "Our tables have neither children nor parents",
    "Rows are read through the one without the policies of the other.",
)
TABLE_RULES = _error("T06", "No rewrite rule is on our tables, nor on Realtime's messages", _LOOK)
TABLE_IDENTITY = _warning("T07", "The replica identity of live_updates is its primary key")

COLUMN_DIFFERS = _error("C01", "The columns of our tables are as migrated", _MIGRATED)
KEY_DIFFERS = _error("C02", "The primary and unique keys of our tables are as migrated", _MIGRATED)
CONSTRAINT_DIFFERS = _error(
    "C03", "The foreign keys and checks of our tables are as migrated", _MIGRATED
)
CONSTRAINT_OFF = _error("C04", "The constraints of our tables are kept", _MIGRATED)
INDEX_DIFFERS = _warning("C05", "The indexes of our tables are as migrated", _MIGRATED)
SEQUENCE_DIFFERS = _error("C07", "The sequences of our tables are as migrated", _MIGRATED)
STRANGER = _error("C06", "Our schema and our names hold only what is ours", _LOOK)

POLICY_MISSING = _error("P01", "Our policies are there", _SETUP)
POLICY_DIFFERS = _error("P02", "Our policies are as we wrote them", _SETUP)
POLICY_ADDED = _error("P03", "There is no further permissive policy", _LOOK)
POLICY_RESTRICTS = _warning("P04", "There is no further restrictive policy", _LOOK)
POLICY_ON_MESSAGES = _note(
    "P05",
    "Other policies on realtime.messages are for other topics",
    "Our fence keeps it off the topics of sites: joins were tried. Nothing is to be done.",
)

GRANT_TABLE = _error("G01", "API roles have no rights on our tables but the ones they need")
GRANT_COLUMN = _error("G02", "API roles have no rights on single columns of our tables")
GRANT_OPTION = _error("G04", "API roles pass on no right to our tables")
GRANT_SEQUENCE = _error("G05", "API roles have no rights on the sequences of our tables")
GRANT_MISSING = _error("G03", "API roles have the rights they need", _SETUP)

FUNCTION_MISSING = _error("F01", "Our functions are there", "Run manage.py migrate.")
FUNCTION_BODY = _error("F02", "Our functions are as we wrote them")
FUNCTION_ATTRIBUTES = _error("F03", "Our functions have the form and attributes that we gave them")
FUNCTION_OWNER = _error(
    "F04", "The owner of our functions sees our tables, and is a role that the migrating one can be"
)
FUNCTION_EXECUTE = _error("F05", "Only roles that need our functions may execute them")
FUNCTION_NO_EXECUTE = _error("F06", "The roles that need our functions may execute them", _SETUP)

TRIGGER_DIFFERS = _error("N01", "The broadcast trigger is as we wrote it")
TRIGGER_DISABLED = _error("N02", "The broadcast trigger is enabled")
TRIGGER_ADDED = _error(
    "N03", "There is no further trigger on our tables, nor on Realtime's messages", _LOOK
)

EVENT_TRIGGER = _error(
    "N04",
    "No event trigger keeps the attacks from being tried",
    "Attacks need temporary functions: disable it while verify_rls runs.",
)

SCHEMA_USAGE = _error("H01", "API roles have no rights on the schema spool_live")
SCHEMA_EXPOSED = _error(
    "H02",
    "Private schemas are not exposed",
    "Take it off the exposed schemas (Project Settings, Data API).",
)
SCHEMA_DEFAULTS = _error("H04", "Nothing that is made in our schema is open from the start")
SCHEMA_OWNER = _error(
    "H05", "The schema spool_live belongs to the migrating role, or one that it can become"
)
SCHEMA_CREATE = _warning("H03", "API roles create nothing in exposed schemas")

PUBLICATION_MISSING = _warning("U01", "live_updates is in the publication of Realtime", _SETUP)
PUBLICATION_DELETES = _warning(
    "U02",
    "The publication publishes no deletions",
    "DELETE events pass no policy: they give every subscriber, of any site and with any event "
    "filter but INSERT, the primary keys of deleted rows. Nothing of ours depends on them. Where "
    "no other table is in it, manage.py live_setup --insert-only ends it.",
)
PUBLICATION_PRIVATE = _error("U03", "The publication holds no private table")
PUBLICATION_MUTED = _warning(
    "U05",
    "A publication of inserts only has no other table",
    "Where somebody needs those events: alter publication supabase_realtime set "
    "(publish = 'insert, update, delete'). Deletions of ours then disclose ids (RLS-U02).",
)
PUBLICATION_FILTER = _warning(
    "U04",
    "The publication filters nothing of live_updates",
    "Realtime ignores row filters and column lists: what they seem to hide is delivered.",
)

EXPOSED_PRIVATE = _error("E01", "API roles cannot touch tables of Django")
EXPOSED_NO_RLS = _error("E02", "No table that API roles touch is without Row Level Security")
EXPOSED_OTHER = _note(
    "E03",
    "Tables behind policies, and views, of other apps that API roles touch are known",
    _ACCEPT,
)
EXPOSED_VIEW = _error("E04", "No view leads to private tables with the rights of another", _ACCEPT)
EXPOSED_FUNCTION = _error("E05", "No function leads to private tables", _ACCEPT)
EXPOSED_DEFINER = _warning(
    "E06", "API roles call no other function with its owner's rights", _ACCEPT
)
EXPOSED_DYNAMIC = _error(
    "E08",
    "Nothing that API roles reach becomes another role or caller, changes rights, or runs any SQL",
    "A request's session may become every role of the API, service_role among them: so may code in "
    f"it. {_ACCEPT}",
)
EXPOSED_FOREIGN = _error("E09", "API roles reach no foreign table", _ACCEPT)
EXPOSED_SUPERUSER = _error(
    "E10",
    "API roles reach nothing that runs with the rights of a superuser",
    "Give it to another owner, or revoke it: this cannot be accepted.",
)
EXPOSED_OPAQUE = _error("E11", "API roles reach no code that cannot be read", _ACCEPT)
EXPOSED_PATH = _error("E12", "No table leads to private tables", _ACCEPT)
EXPOSED_SECRET = _error("E13", "API roles read no secret from settings", _ACCEPT)
SUPABASE_UNKNOWN = _note(
    "E14",
    "Functions of Supabase that API roles call are known to us",
    "It belongs to Supabase, and is trusted as that: nothing is to be done.",
)
EXPOSED_DEFAULTS = _warning("E07", "New tables are not open to API roles")

ROLE_BYPASSES = _error("A01", "No API role but service_role bypasses Row Level Security")
ROLE_DATA = _error(
    "A02", "No API role has the rights of PostgreSQL's own roles, nor of an owner of ours"
)
ROLE_SETTING = _error("A04", "No API role has a setting that says who asks, or how policies work")
ROLE_LOGIN = _error("A05", "No API role can log in to the database and set claims of its own")
ROLE_POWERS = _error(
    "A06", "No API role may create roles, databases or schemas, read the WAL, or set parameters"
)
SYSTEM_OPEN = _error(
    "A10",
    "PostgreSQL's own tables and functions are as they came, to API roles",
    "Where no SQL is given, compare the function with that of a new database of this version.",
)
SETTING_BREAKS = _error("A07", "No setting makes reads or delivery fail")
SETTING_UNKNOWN = _warning("A08", "Settings that requests meet are known to be harmless")
SETTING_SECRET = _warning(
    "A09",
    "No secret is kept in a setting",
    "Every role may read settings: keep it in Supabase's Vault, or where only the server sees it.",
)
ROLE_UNTRIED = _warning(
    "A03",
    "Every role of the API can be attacked as",
    "Grant it to the migrating role, so that verify_rls can try it.",
)

REALTIME_UNSEEN = _warning("I01", "Broadcasts can be examined")
INCOMPLETE = _error(
    "I02",
    "Every check could be run",
    "The other findings of this report name the cause in most cases; else the reason does.",
)
ACCEPTED_UNUSED = _note(
    "I03",
    "Every accepted object is still found",
    "Remove its entry from the file of accepted findings.",
)
