-- One item that was changed: what transitions.changed says. The trigger is paid for by every save,
-- so what nearly all of them mean comes first, and takes one expression and one statement.
declare
  metadata jsonb := {new_metadata};
begin
  if {old_site} = {new_site} and {old_key} = {new_key} and {old_visible}
     and ({new_visible} or ({old_published} and not {new_published})) then
    -- Subscribers knew it, and still may.{irrelevant}
    metadata := metadata
      || case when {old_published} and not {new_published}
              then jsonb_build_object('published', false) else '{{}}' end
      || case when {old_slug} is distinct from {new_slug} and {old_slug} is not null
              then jsonb_build_object('previous_slug', {old_slug}) else '{{}}' end;
    insert into {outbox}
      (update_id, site_id, event_type, collection, item_id, slug, timestamp, metadata)
    values ({update_id}, {new_site},
            case when {new_published} and not {old_published}
                 then 'content.published' else 'content.updated' end,
            {collection}, {new_id}, {new_slug}, statement_timestamp(),
            case when {unfit} then {fit}(metadata, {names})
                 else metadata end);
    return null;
  end if;

  -- Another site, another key, left out from now on, or told from now on.
  if {unfit} then
    metadata := {fit}(metadata, {names});
  end if;
  if {old_site} is not null and {old_visible} then
    insert into {outbox}
      (update_id, site_id, event_type, collection, item_id, slug, timestamp, metadata)
    values ({update_id}, {old_site}, 'content.deleted', {collection}, {old_id}, {old_slug},
            statement_timestamp(), metadata);
  end if;
  if {new_site} is not null and {new_visible} then
    insert into {outbox}
      (update_id, site_id, event_type, collection, item_id, slug, timestamp, metadata)
    values ({update_id}, {new_site},
            case when {new_published} then 'content.published' else 'content.created' end,
            {collection}, {new_id}, {new_slug}, statement_timestamp(), metadata);
  end if;
  return null;
end
