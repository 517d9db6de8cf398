-- Deletions pass no policy: they tell every subscriber the ids of deleted updates, of any site.
alter publication supabase_realtime set (publish = 'insert');
