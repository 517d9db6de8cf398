-- Roles that a token can name: those that PostgREST's login may become, directly or through others.
with recursive membership as (
  select m.roleid, m.member,
         coalesce((to_jsonb(m) ->> 'set_option')::boolean, true) as may_become  -- from 16 on
  from pg_catalog.pg_auth_members m
), reachable (oid) as (
  select r.oid from pg_catalog.pg_roles r
  where r.rolname = 'authenticator' or r.rolname = any (%(api_roles)s::text[])
  union
  select m.roleid from membership m join reachable on reachable.oid = m.member where m.may_become
), strong as (  -- whoever has their rights is past the policies, becoming them or not
  select r.oid, r.rolname from pg_catalog.pg_roles r
  where r.oid not in (select oid from reachable)
    and (r.rolsuper or r.rolname like 'pg\_%%' or exists (
      select from pg_catalog.pg_class c
      where c.oid in (to_regclass('public.live_updates'), to_regclass('spool_live.sites'),
                      to_regclass('spool_live.api_keys'), to_regclass('realtime.messages'))
        and c.relowner = r.oid))
)
select r.rolname as name, r.rolsuper as superuser, r.rolbypassrls as bypasses,
       r.rolname = 'authenticator' as login, r.rolcanlogin as can_log_in,
       array_remove(array[case when r.rolcreaterole then 'may create roles' end,
                          case when r.rolcreatedb then 'may create databases' end,
                          case when r.rolreplication then 'may read the whole WAL' end], null) as powers,
       has_database_privilege(r.oid, current_database(), 'create') as makes_schemas,
       array(select p.parname from pg_catalog.pg_parameter_acl p cross join lateral aclexplode(p.paracl) acl
             where acl.grantee = 0 or pg_has_role(r.oid, acl.grantee, 'usage') order by 1) as parameters,
       array(select strong.rolname::text from strong
             where strong.oid <> r.oid and pg_has_role(r.oid, strong.oid, 'usage')
             order by 1) as inherits,
       array(select quote_ident(held.rolname) || ' from ' || quote_ident(holder.rolname)
             from membership m
             join pg_catalog.pg_roles held on held.oid = m.roleid
             join pg_catalog.pg_roles holder on holder.oid = m.member
             where pg_has_role(r.oid, m.member, 'usage')
               and exists (select from strong where pg_has_role(m.roleid, strong.oid, 'usage'))
             order by 1) as memberships,
       pg_has_role(r.oid, case when current_setting('server_version_num')::integer >= 160000
                               then 'set' else 'member' end) as attackable,
       array(select holder.rolname::text
             from membership m join pg_catalog.pg_roles holder on holder.oid = m.member
             where m.roleid = r.oid and m.member in (select oid from reachable)
             order by 1) as through
from reachable join pg_catalog.pg_roles r using (oid)
order by 1
