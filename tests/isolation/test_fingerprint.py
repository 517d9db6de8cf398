"""Fingerprints of the same objects are the same on every PostgreSQL: pinned, and run on each."""

from __future__ import annotations

import re

import pytest

from tests.isolation.conftest import Superuser

OBJECTS = """
create schema hidden;
grant usage on schema hidden to anon;
create table hidden.notes (
  id integer primary key, title varchar(80) default lower('X'),
  at timestamptz not null default now(),
  twice integer generated always as (id * 2) stored,
  check (id > 0 and (title <> '' or id in (1, 2))), foreign key (id) references hidden.notes
);
alter table hidden.notes enable row level security;
create policy own on hidden.notes for select to anon, authenticated
  using (title like 'a%' or id = any (array[1, 2]) and at between '2020-01-01' and now());
create index by_title on hidden.notes (lower(title)) where id > 5;
create function hidden.touch() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger touch before update of title on hidden.notes for each row
  when (old.title is distinct from new.title) execute function hidden.touch();
create view hidden.titles with (security_invoker = true) as
  select n.title, count(*) filter (where n.id > 1) as many,
         (select max(m.id) from hidden.notes m) as last
  from hidden.notes n left join hidden.notes o using (id)
  where n.title ~ '^a' and not exists (select from hidden.notes p where p.id = n.twice)
  group by n.title having count(*) > 1 order by 2 desc limit 3;
grant select, insert, update, delete on hidden.notes, hidden.titles to anon;
create function hidden.most(few integer default 1 + 1) returns bigint language sql stable
  begin atomic select max(many) from hidden.titles where many > few; end;
create aggregate hidden.product(numeric) (sfunc = numeric_mul, stype = numeric, initcond = '1');
create function public.run(query text, few integer default 2 * 3) returns void
language plpgsql set search_path = '' as $$
begin
  update hidden.notes set title = 'a' where id = hidden.most(few);
  perform hidden.product(id) from hidden.notes;
  execute query;  -- whatever it is
end $$;
create view public.titles with (security_barrier) as select * from hidden.titles;
grant select on public.titles to anon;
create function public.many() returns bigint language sql security definer
  begin atomic select count(*) from hidden.titles where title in ('a', 'b'); end;
create procedure public.go(what text) language plpgsql as $$ begin execute what; end $$;
create materialized view public.kept as select title, many from hidden.titles with no data;
grant select on public.kept to anon;
"""
_DIGESTS = {
    "public.go(text)": "13e9bda6b646f633c05379a10005a51b9ac55a19a04d96cb1031709be7f13d91",
    "public.kept": "8e8a25b340ede4605c9e48f7a311f5242ab1759827e68b3f89a1f72381b4588d",
    "public.many()": "401ca47d0459d6cf3589a6b18217fe8b822c5746e85173dcf07652130407a569",
    "public.run(text,integer)": "9a6b1cea6d006a6a2c3eef74c73609209d4abe0690e9c310435bfbac8b10de98",
    "public.titles": "401ca47d0459d6cf3589a6b18217fe8b822c5746e85173dcf07652130407a569",
}
PINNED = {name: f"sha256:{digest}" for name, digest in _DIGESTS.items()}


@pytest.fixture
def fingerprints(superuser: Superuser) -> dict[str, str]:
    """Of what is found, by its name."""
    superuser.execute(
        "alter default privileges for role postgres in schema public revoke all on tables from"
        " anon, authenticated, service_role",
        "alter default privileges for role postgres in schema public revoke all on functions from"
        " anon, authenticated, service_role",
        "set role postgres",
        OBJECTS,
        "reset role",
    )
    report = superuser.audit()
    return {f.subject: f.fingerprint for f in report.findings if f.subject in PINNED}


def test_fingerprint_is_that_of_every_other_postgresql(fingerprints: dict[str, str]) -> None:
    assert fingerprints == PINNED, (
        "Accepted findings are lost where these change: see whether they have to."
    )


def test_fingerprint_is_a_hash(fingerprints: dict[str, str]) -> None:
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", text) for text in fingerprints.values())
