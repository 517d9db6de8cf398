-- The items that a statement inserted, in its order, as transitions.created has them.
begin
  insert into {outbox}
    (update_id, site_id, event_type, collection, item_id, slug, timestamp, metadata)
  select {update_id}, site_id,
         case when published then 'content.published' else 'content.created' end,
         {collection}, item_id, slug, statement_timestamp(),
         case when {unfit} then {fit}(metadata, {names})
              else metadata end
  from (select {item_site} as site_id, {item_slug} as slug, {item_published} as published,
               {item_visible} as visible, {item_id} as item_id, {item_metadata} as metadata
        from inserted as item offset 0) as born
  where site_id is not null and visible;
  return null;
end
