create or replace function remove_photos(
  photo_ids text[], only_without_place boolean default false, possible_copies text[] default '{}'
) returns text[] language plpgsql as $$
declare
  gone text[];
  of_model integer;
begin
  -- A worker that writes their outcome comes before or after, never between.
  gone := array(
    select p.photo_id from photos p
     where p.photo_id = any (photo_ids)
       and not (only_without_place and exists (select from photo_places l where l.photo_id = p.photo_id))
     order by p.photo_id for update);
  if cardinality(gone) = 0 then
    return gone;
  end if;
  -- A place may have been recorded while this waited for the lock.
  if only_without_place then
    gone := array(select id from unnest(gone) as id
                   where not exists (select from photo_places l where l.photo_id = id) order by id);
  end if;
  -- The triggers of the rows below would do one by one what is done here for all.
  perform set_config('unsplash_clip.removing_photos', 'on', true);
  -- A worker that was killed after it stored a copy has recorded nothing of it. Nor does any embedding name the copy of a
  -- model that is retired, or one that was replaced by that of other settings.
  with removed as (
    delete from embeddings where photo_id = any (gone) returning photo_id, stored_key
  ), possible (key, photo_id, is_certain) as (
    select stored_key, photo_id, true from removed where stored_key is not null
    union all
    select f.folder || '/' || id || '.jpg', id, false from copy_folders f cross join unnest(gone) as id
    union all
    select given.key, given.photo_id, false from unnest(possible_copies, photo_ids) as given (key, photo_id)
      join unnest(gone) as id on id = given.photo_id
     where given.key is not null and not exists (select from copy_folders f where f.folder = split_part(given.key, '/', 1))
  )
  insert into removed_copies (key, photo_id, is_certain)
  select p.key, min(p.photo_id), bool_or(p.is_certain) from possible p group by p.key
  on conflict (key) do nothing;
  delete from failures where photo_id = any (gone);
  delete from label_marks where photo_id = any (gone);
  delete from photo_places where photo_id = any (gone);
  delete from photo_versions where photo_id = any (gone);
  delete from photo_templates where photo_id = any (gone);
  delete from photo_keywords where photo_id = any (gone);
  delete from photo_collections where photo_id = any (gone);
  delete from photo_colors where photo_id = any (gone);
  delete from photo_conversions where photo_id = any (gone);
  delete from photos where photo_id = any (gone);
  delete from photo_texts where photo_id = any (gone);
  -- As late as possible, since removals wait for one another here. A session that labels now no longer sees the embeddings, and
  -- the labels of one that saw them are there.
  for of_model in select id from models order by id loop
    perform label_lock(of_model, true);
  end loop;
  delete from label_rows l
   where l.photo_id = any (gone)
     and l.version = any (array(select version from label_sets union all select version from label_changes));
  delete from reference_scores s where s.photo_id = any (gone) and s.version = any (array(select version from reference_sets));
  perform set_config('unsplash_clip.removing_photos', '', true);
  return gone;
end $$;
comment on function remove_photos is
  'Removes photos with their embeddings, labels, failures, places and rows of the other tables, and lists their copies in removed_copies. only_without_place: keeps those that lie somewhere. possible_copies: for each photo the key under which a copy may lie although no embedding names it. Returns the removed ids. In one transaction: for many photos, call it for some thousand at a time. Then recount_open_batches.';
