-- How labels were written before they had versions: the reference for today's label_batch.
create or replace function former_batch(of_model integer, of_set text, photo_ids text[]) returns bigint language plpgsql as $$
declare
  model models;
  changed bigint;
begin
  select * into model from models where id = of_model;
  -- Keeps the prompts as they are until the labels are written.
  perform from label_sets where model_id = of_model and name = of_set for share;
  if not found then
    raise exception 'Label set % is not stored for this model. Run: unsplash-clip labels predict %', of_set, of_set using errcode = 'UC003';
  end if;
  with logits as (
    select e.photo_id, p.position, p.label,
           model.logit_scale * (1 - (e.embedding::vector <=> p.embedding)) + model.logit_bias as logit
      from embeddings e
      join label_prompts p on p.model_id = e.model_id and p.set_name = of_set
     where e.model_id = of_model and e.photo_id = any (photo_ids)
  ), weights as (
    -- Postgres raises an error where exp() or a cast to real underflows; e^-80 is nothing beside 1 and still fits a real.
    select photo_id, position, label, logit,
           case model.scoring
             when 'softmax' then exp(greatest(logit - max(logit) over (partition by photo_id), -80))
             else 1 / (1 + exp(-greatest(least(logit, 80), -80)))
           end as weight
      from logits
  ), scored as (
    select photo_id, position, label, logit,
           case model.scoring when 'softmax' then weight / sum(weight) over (partition by photo_id) else weight end as score
      from weights
  ), predicted as (
    -- By logit: scores that are next to 1 are equal long before their logits are.
    select photo_id, (array_agg(label order by logit desc, position))[1] as label,
           max(score)::real as score, array_agg(score::real order by position) as scores
      from scored group by photo_id order by photo_id
  ), written as (
    insert into former_labels as l (model_id, set_name, photo_id, label, score, scores)
    select of_model, of_set, photo_id, label, score, scores from predicted order by photo_id
    on conflict (model_id, set_name, photo_id) do update
       set label = excluded.label, score = excluded.score, scores = excluded.scores
     where (l.label, l.scores) is distinct from (excluded.label, excluded.scores)
    returning 1
  )
  select count(*) into changed from written;
  return changed;
end $$;
