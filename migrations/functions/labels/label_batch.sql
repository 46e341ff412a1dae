-- requires: label_definitions, label_statement
create or replace function label_batch(of_model integer, of_set text, photo_ids text[]) returns bigint language plpgsql as $$
declare
  model models;
  definition label_definitions;
  written bigint;
  changed bigint;
begin
  perform label_lock(of_model, false);
  select * into model from models where id = of_model;
  for definition in
    select * from label_definitions d where d.model_id = of_model and d.set_name = of_set order by d.state = 'coming'
  loop
    if cardinality(definition.prompts) = 0 then
      raise exception 'The label set % has clusters, whose labels are written once. Find them again: unsplash-clip analyze cluster --save %', of_set, of_set
        using errcode = 'UC005';
    end if;
    execute label_statement(definition, 'e.photo_id = any ($7)',
        'do update set label = excluded.label, score = excluded.score, scores = excluded.scores
          where (r.label, r.scores) is distinct from (excluded.label, excluded.scores)')
      using definition.version, of_set, definition.labels, definition.prompts, model.logit_scale, model.logit_bias, photo_ids;
    get diagnostics written = row_count;
    changed := coalesce(changed, written);
  end loop;
  if changed is null then
    raise exception 'Label set % is not stored for this model. Run: unsplash-clip labels predict %', of_set, of_set using errcode = 'UC003';
  end if;
  return changed;
end $$;
comment on function label_batch is
  'Labels these photos from their stored embeddings: logit = logit scale x cosine similarity to each prompt + bias, score = softmax over the set or sigmoid of each, depending on the model; a trained set has a factor and a bias per label instead, and softmax; the label is the one with the largest logit. Also labels under a coming definition. Returns how many labels that readers see were new or changed.';
