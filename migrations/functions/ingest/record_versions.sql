create or replace function record_versions(
  of_model integer, refreshing boolean, embedded_before text[], embedded_ids text[], unchanged_ids text[],
  failed_ids text[], codes text[], messages text[], versions jsonb
) returns void language plpgsql as $$
begin
  -- The embedding is of another version now, or of a copy, and nothing is known of that.
  if not refreshing then
    delete from photo_versions v where v.model_id = of_model and v.photo_id = any (embedded_ids);
  end if;
  insert into photo_versions as v
    (photo_id, model_id, url_hash, etag, last_modified, length, digest, checked_at, outcome)
  select p.photo_id, of_model, decode(new.url_hash, 'base64'), new.etag, new.last_modified, new.length,
         decode(new.digest, 'base64'), case when refreshing then now() end,
         case when not refreshing then null
              when p.photo_id = any (unchanged_ids) then 'unchanged'
              when not p.photo_id = any (embedded_before) then 'new'
              when exists (select from photo_versions o
                            where o.photo_id = p.photo_id and o.model_id = of_model and o.digest is not null) then 'changed'
              else 'uncompared' end
    from photos p
    left join jsonb_to_recordset(versions)
      as new (photo_id text, url_hash text, etag text, last_modified text, length bigint, digest text)
      on new.photo_id = p.photo_id
   where p.photo_id = any (embedded_ids || unchanged_ids) and (refreshing or new.photo_id is not null)
   order by p.photo_id
  on conflict (photo_id, model_id) do update
     set url_hash = excluded.url_hash, etag = excluded.etag, last_modified = excluded.last_modified,
         length = excluded.length, digest = excluded.digest, checked_at = excluded.checked_at, outcome = excluded.outcome,
         failure_code = null, failure_message = null;
  if refreshing then
    insert into photo_versions as v (photo_id, model_id, checked_at, outcome, failure_code, failure_message)
    select new.photo_id, of_model, now(), 'failed', new.code, new.message
      from unnest(failed_ids, codes, messages) as new (photo_id, code, message)
     where exists (select from embeddings e where e.model_id = of_model and e.photo_id = new.photo_id)
     order by new.photo_id collate "C"
    on conflict (photo_id, model_id) do update
       set checked_at = excluded.checked_at, outcome = excluded.outcome, failure_code = excluded.failure_code,
           failure_message = excluded.failure_message;
  end if;
end $$;
comment on function record_versions is
  'Part of record_outcome: which versions of images were embedded, and in a refreshing batch what became of the embedded photos. versions: [{"photo_id", "url_hash", "etag", "last_modified", "length", "digest"}], hash and digest in base64.';
