-- One item that was changed: what transitions.changed says, rule by rule.
declare
  site_before uuid := {old_site};
  site_after uuid := {new_site};
  slug_before text := {old_slug};
  slug_after text := {new_slug};
  published_before boolean := {old_published};
  published_after boolean := {new_published};
  visible_before boolean := site_before is not null and {old_announced};
  announced_after boolean := {new_announced};
  unpublished boolean := coalesce(published_before and not published_after, false);
  event text := 'content.updated';
  metadata jsonb := {new_metadata};
begin
  -- Another site, or another key: a deletion there, a creation here.
  if site_before is distinct from site_after or {old_key} <> {new_key} then
    if visible_before then
      insert into {outbox}
        (update_id, site_id, event_type, collection, item_id, slug, timestamp, metadata)
      values ({update_id}, site_before, 'content.deleted', {collection}, {old_id}, slug_before,
              statement_timestamp(),
              case when octet_length(metadata::text) > {limit} then {fit}(metadata, {names})
                   else metadata end);
    end if;
    visible_before := false;
  end if;

  if not visible_before then
    if site_after is null or not announced_after then
      return null;
    end if;
    event := case when published_after then 'content.published' else 'content.created' end;
  elsif not announced_after and not unpublished then
    event := 'content.deleted';
    slug_after := slug_before;
  else
    if published_after and not published_before then
      event := 'content.published';
    end if;
    if unpublished then
      metadata := metadata || jsonb_build_object('published', false);
    end if;
    if slug_before is distinct from slug_after and slug_before is not null then
      metadata := metadata || jsonb_build_object('previous_slug', slug_before);
    end if;
  end if;

  if octet_length(metadata::text) > {limit} then
    metadata := {fit}(metadata, {names});
  end if;
  insert into {outbox}
    (update_id, site_id, event_type, collection, item_id, slug, timestamp, metadata)
  values ({update_id}, site_after, event, {collection}, {new_id}, slug_after,
          statement_timestamp(), metadata);
  return null;
end
