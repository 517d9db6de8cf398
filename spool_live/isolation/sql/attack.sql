select tried.answer::text as answer, tried.affected, tried.error_code, tried.error_text
from unnest(%(roles)s::text[], %(settings)s::text[], %(statements)s::text[], %(answers)s::boolean[])
  with ordinality as attack (as_role, settings, statement, answers, place)
cross join lateral pg_temp.spool_live_attack(
  attack.as_role, attack.settings::jsonb, %(texts)s::text[], attack.statement, attack.answers) tried
order by attack.place
