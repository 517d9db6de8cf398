"""Ways to another site's updates, composed: where the data is, what shows it, who may touch that.

Each is an object of its own in one database, so that all can be attacked, and verified, at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

SOURCES = {
    "table": ("", "public.live_updates", "slug"),
    "hidden view": (
        (
            "create view hidden.v_{n} as select slug from public.live_updates;"
            "grant select on hidden.v_{n} to {grants};"
        ),
        "hidden.v_{n}",
        "slug",
    ),
    "hidden function": (
        (
            "create function hidden.f_{n}() returns table (slug text) language sql stable security"
            " definer as 'select slug from public.live_updates';"
            "revoke execute on function hidden.f_{n}() from public;"
            "grant execute on function hidden.f_{n}() to {grants};"
        ),
        "hidden.f_{n}()",
        "slug",
    ),
    "copy by a trigger": (
        (
            "create table hidden.t_{n} (slug text); grant select on hidden.t_{n} to {grants};"
            "create function hidden.copy_{n}() returns trigger language plpgsql security definer as"
            " $c$ begin insert into hidden.t_{n} values (new.slug); return null; end $c$;"
            "create trigger copy_{n} after insert on public.live_updates"
            " for each row execute function hidden.copy_{n}();"
        ),
        "hidden.t_{n}",
        "slug",
    ),
    "Realtime's messages": ("", "realtime.messages", "payload::text"),
}
"""Name: what makes it, what to read, and which column; ``grants`` is who may read it directly."""

SHOWN = {
    "view": "create view public.g_{n} as select {column} as x from {source};",
    "view of its caller": (
        "create view public.g_{n} with (security_invoker = true) as"
        " select {column} as x from {source};"
    ),
    "materialized view": (
        "create materialized view public.g_{n} as select {column} as x from {source};"
    ),
    "definer": (
        "create function public.g_{n}() returns setof text language sql stable security definer"
        " as 'select {column} from {source}';"
    ),
    "definer in PL/pgSQL": (
        "create function public.g_{n}() returns setof text language plpgsql stable security definer"
        " as $f$ begin return query execute 'select {column} from {source}'; end $f$;"
    ),
    "function of its caller": (
        "create function public.g_{n}() returns setof text language sql stable"
        " as 'select {column} from {source}';"
    ),
    "function with a role": (
        "create function public.g_{n}() returns setof text language sql volatile"
        " set role = 'service_role' as 'select {column} from {source}';"
    ),
    "function that becomes another": (
        "create function public.g_{n}() returns setof text language plpgsql as $f$ begin"
        " perform set_config('ro' || 'le', 'service_role', true);"
        " return query select {column} from {source}; end $f$;"
    ),
    "function that takes the claims of another": (
        "create function public.g_{n}() returns setof text language plpgsql as $f$ begin"
        " perform set_config('request.jwt.claims', '{claims}', true);"
        " return query select {column} from {source}; end $f$;"
    ),
    "XML": (
        "create function public.g_{n}() returns setof text language sql volatile security definer"
        " as $f$ select query_to_xml('select {column} from {source}', true, false, '')::text $f$;"
    ),
}


@dataclass(frozen=True)
class Way:
    """One composition. ``name`` is that of its object in schema ``public``."""

    name: str
    what: str
    is_function: bool
    sql: str


def ways(claims: str) -> Iterator[Way]:
    """Every composition; ``claims`` are those of the site whose updates must not be seen."""
    roles = ("anon", "authenticated", "service_role")
    grants = ("service_role", "anon, authenticated, service_role")
    for n, (source, shown, role, open_to) in enumerate(product(SOURCES, SHOWN, roles, grants)):
        makes, reads, column = SOURCES[source]
        function = "function" in SHOWN[shown].partition("public.g_")[0]
        kind = "execute on function public.g_{n}()" if function else "select on public.g_{n}"
        text = "".join([
            makes,
            SHOWN[shown],
            (f"revoke all on {'function ' if function else ''}public.g_{{n}}{'()' * function}"
            " from public, anon, authenticated;"),
            f"grant {kind} to {role};",
        ])  # fmt: skip
        given = {"n": n, "source": reads.format(n=n), "column": column, "grants": open_to}
        what = f"{shown} over {source}, for {role}, source for {open_to}"
        for key, value in {**given, "claims": claims}.items():
            text = text.replace("{" + key + "}", str(value))
        yield Way(f"g_{n}", what, function, text)
