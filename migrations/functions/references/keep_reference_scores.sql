-- requires: reference_batch
create or replace function keep_reference_scores() returns trigger language plpgsql as $$
declare
  batch record;
begin
  if tg_op = 'DELETE' then
    delete from reference_scores s using deleted d, reference_sets r
     where r.model_id = d.model_id and s.version = r.version and s.photo_id = d.photo_id;
  elsif tg_op = 'INSERT' then
    for batch in select w.model_id, array_agg(w.photo_id) as photos from written w group by w.model_id order by w.model_id loop
      perform reference_batch(batch.model_id, batch.photos);
    end loop;
  else
    for batch in
      select w.model_id, array_agg(w.photo_id) as photos
        from written w join replaced r on r.model_id = w.model_id and r.photo_id = w.photo_id
       where r.embedding <> w.embedding group by w.model_id order by w.model_id
    loop
      perform reference_batch(batch.model_id, batch.photos);
    end loop;
  end if;
  return null;
end $$;
comment on function keep_reference_scores is
  'Trigger: compares photos whose embedding is written with the reference texts of the model, and forgets those whose embedding is deleted.';

-- Once per statement: a search for reference sets per row would cost more than writing the row.
create or replace trigger reference_scores_of_new after insert on embeddings
  referencing new table as written for each statement execute function keep_reference_scores();
create or replace trigger reference_scores_of_replaced after update on embeddings
  referencing old table as replaced new table as written for each statement execute function keep_reference_scores();
create or replace trigger reference_scores_of_deleted after delete on embeddings
  referencing old table as deleted for each statement execute function keep_reference_scores();
