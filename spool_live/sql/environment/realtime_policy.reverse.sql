do $$ begin
  if to_regclass('realtime.messages') is not null then
    drop policy if exists spool_live_fence on realtime.messages;
    drop policy if exists spool_live_join_own_site on realtime.messages;
  end if;
end $$;
