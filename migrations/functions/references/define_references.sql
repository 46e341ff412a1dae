-- requires: model_id_of
create or replace function define_references(
  texts text[], embeddings vector[] default null, k integer default 32, model text default null
) returns text language plpgsql as $$
declare
  of_model constant integer := model_id_of(model);
  of_k constant integer := k;
  model_dimension integer := (select m.dimension from models m where m.id = of_model);
  known reference_sets;
  added integer;
begin
  if coalesce(cardinality(texts), 0) = 0 or (embeddings is not null and cardinality(texts) <> cardinality(embeddings)) then
    raise exception 'reference texts expected, each with an embedding or stored as a prompt, found % texts and % embeddings',
      coalesce(cardinality(texts), 0), coalesce(cardinality(embeddings)::text, 'no') using errcode = 'UC005';
  end if;
  if k is null or k < 1 then
    raise exception 'k must be a whole number from 1, found %', coalesce(k::text, 'null') using errcode = 'UC005';
  end if;
  texts := array(select normal_prompt(given.text) from unnest(texts) with ordinality as given (text, position) order by position);
  if (select count(distinct given.text) from unnest(texts) as given (text)) < cardinality(texts) then
    raise exception 'different reference texts expected, found "%" twice',
      (select given.text from unnest(texts) as given (text) group by given.text having count(*) > 1 limit 1) using errcode = 'UC005';
  end if;
  if embeddings is null then
    embeddings := array(
      select prompt_embedding(given.text, of_model::text) from unnest(texts) with ordinality as given (text, position) order by position);
  end if;
  if exists (select from unnest(embeddings) as given where (vector_dims(given) = model_dimension and vector_norm(given) > 0) is not true) then
    raise exception 'the embedding of a text has % numbers, as those of the photos, and not all are 0', model_dimension
      using errcode = 'UC005';
  end if;
  embeddings := array(
    select l2_normalize(given.embedding) from unnest(embeddings) with ordinality as given (embedding, position) order by position);
  perform label_lock(of_model, true);
  for known in select * from reference_sets s where s.model_id = of_model order by s.state = 'coming' loop
    if known.k = of_k
       and texts = array(select t.text from reference_texts t where t.version = known.version order by t.position)
       and same_prompts(embeddings, array(select t.embedding from reference_texts t where t.version = known.version order by t.position))
    then
      if known.state = 'current' then
        delete from reference_sets s where s.model_id = of_model and s.state = 'coming';
      end if;
      return known.state;
    end if;
  end loop;
  delete from reference_sets s where s.model_id = of_model and s.state = 'coming';
  insert into reference_sets (model_id, state, k) values (of_model, 'coming', of_k) returning version into added;
  -- What a model cannot tell from ten other texts means nothing to it. Others are the first thousand, so that long lists cost no more.
  with given as materialized (
    select g.text, g.embedding, g.position from unnest(texts, embeddings) with ordinality as g (text, embedding, position)
  )
  insert into reference_texts (version, position, text, embedding, known)
  select added, given.position, given.text, given.embedding,
         (select count(*) from given other
           where other.position <> given.position and other.position <= 1000 and -(other.embedding <#> given.embedding) >= 0.99) < 10
    from given;
  if not exists (select from reference_texts t where t.version = added and t.known) then
    raise exception 'reference texts that the model knows expected, found % that it cannot tell from each other', cardinality(texts)
      using errcode = 'UC005';
  end if;
  return 'coming';
end $$;
comment on function define_references is
  'Stores texts that all photos of a model are to be compared with, with their embeddings; without these, the texts must be stored prompts. The set is coming: score_references compares the photos, and makes it current. It replaces an earlier coming one. Texts that the model cannot tell from ten others are not known to it (reference_texts.known). Returns coming, or current where searches use the same texts, embeddings and k already.';
