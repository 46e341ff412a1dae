-- Stored vectors have unit length: an index that orders by inner products finds the nearest only then. A trigger scales what
-- is written; the checks hold what no trigger has seen.

update embeddings set embedding = l2_normalize(embedding) where not l2_norm(embedding) between 0.999 and 1.001;
update prompt_embeddings set embedding = l2_normalize(embedding);
update label_prompts set embedding = l2_normalize(embedding);
update label_changes c set prompts = array(
  select l2_normalize(p.prompt) from unnest(c.prompts) with ordinality as p (prompt, position) order by p.position);

do $$
declare
  model record;
  name text;
begin
  for model in select id, dimension from models loop
    name := 'embeddings_m' || model.id;
    execute format('alter table %I drop constraint if exists %I', name, name || '_direction');
    execute format('alter table %I add constraint %I check (vector_dims(embedding) = %s)', name, name || '_dimension', model.dimension);
    execute format('alter table %I add constraint %I check (l2_norm(embedding) between 0.999 and 1.001)', name, name || '_unit_length');
  end loop;
end $$;
