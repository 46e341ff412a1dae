-- Full text over descriptions, places and keywords, and search that fuses it with the vectors.

create table text_language (
  single boolean primary key default true check (single),
  language text not null
);
comment on table text_language is
  'One row: the text search configuration by which words are stored and looked for. Changed by use_text_language, which stores all words anew.';
insert into text_language (language) values ('english');

-- Beside photos and not in it: keywords are rows of another table, loaded in bulk before the photos or after them.
-- Statement triggers keep it, so that a load costs one computation a photo and statement, and a search finds what is there.
create table photo_texts (
  photo_id text collate "C" primary key,
  words tsvector not null default ''
);
comment on table photo_texts is
  'The words of each photo of photos or photo_keywords, for full text search. Kept by triggers on both tables.';
comment on column photo_texts.words is
  'Weights: A the photographer''s description, B the AI''s description and keywords that people gave, C landmark and places, D other keywords.';

create function text_configuration() returns regconfig language sql stable as $$
  select quote_ident(language)::regconfig from text_language
$$;
comment on function text_configuration is 'The text search configuration of text_language.';

-- A tsvector holds 1 MB at most, and a photo is not refused for a longer text: each part is cut far above what real ones have.
create function photo_words(configuration regconfig)
returns table (photo_id text, words tsvector) language sql stable as $$
  select t.photo_id,
         setweight(to_tsvector(configuration, left(coalesce(p.photo_description, ''), 20000)), 'A')
         || setweight(to_tsvector(configuration, left(concat_ws(' . ', p.ai_description, k.by_people), 20000)), 'B')
         || setweight(to_tsvector(configuration, left(concat_ws(' . ', p.ai_primary_landmark_name, p.photo_location_name,
              p.photo_location_city, p.photo_location_country), 20000)), 'C')
         || setweight(to_tsvector(configuration, left(coalesce(k.by_machines, ''), 20000)), 'D')
    from photo_texts t
    left join photos p on p.photo_id = t.photo_id
    left join lateral (
      select string_agg(keyword, ' . ' order by keyword collate "C") filter (where suggested_by_user) as by_people,
             string_agg(keyword, ' . ' order by keyword collate "C") filter (where suggested_by_user is not true) as by_machines
        from photo_keywords where photo_keywords.photo_id = t.photo_id) as k on true
$$;
comment on function photo_words is 'The words of every photo of photo_texts, computed anew.';

-- Without jit: on a table that was never analysed the estimates are far off, and compiling took 1.3 s a statement.
create function write_photo_texts(photo_ids text[]) returns void language plpgsql set jit = off as $$
begin
  if cardinality(photo_ids) = 0 then
    return;
  end if;
  -- Two transactions may write the description and the keywords of one photo. The second waits here, and computes what it
  -- sees then. Always in the order of the ids, so that the two cannot deadlock.
  insert into photo_texts (photo_id)
  select distinct id from unnest(photo_ids) as given (id) order by id on conflict (photo_id) do nothing;
  perform from photo_texts t where t.photo_id = any (photo_ids) order by t.photo_id for update;
  update photo_texts t set words = now_is.words
    from photo_words(text_configuration()) as now_is
   where now_is.photo_id = any (photo_ids) and t.photo_id = now_is.photo_id and t.words <> now_is.words;
end $$;
comment on function write_photo_texts is 'Computes the words of these photos anew.';

create function photos_changed_words() returns trigger language plpgsql as $$
declare
  changed text[];
begin
  if tg_op = 'INSERT' then
    changed := array(select photo_id from new_rows);
  elsif tg_op = 'DELETE' then
    changed := array(select photo_id from old_rows);
  else
    changed := array(
      select coalesce(n.photo_id, o.photo_id) from new_rows n full join old_rows o on o.photo_id = n.photo_id
       where (n.photo_id, n.photo_description, n.ai_description, n.ai_primary_landmark_name, n.photo_location_name,
              n.photo_location_city, n.photo_location_country)
             is distinct from
             (o.photo_id, o.photo_description, o.ai_description, o.ai_primary_landmark_name, o.photo_location_name,
              o.photo_location_city, o.photo_location_country));
  end if;
  perform write_photo_texts(changed);
  return null;
end $$;
comment on function photos_changed_words is 'Trigger: keeps photo_texts after a change of photos.';

create function keywords_changed_words() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    perform write_photo_texts(array(select distinct photo_id from new_rows));
  elsif tg_op = 'DELETE' then
    perform write_photo_texts(array(select distinct photo_id from old_rows));
  else
    perform write_photo_texts(array(select photo_id from new_rows union select photo_id from old_rows));
  end if;
  return null;
end $$;
comment on function keywords_changed_words is 'Trigger: keeps photo_texts after a change of photo_keywords.';

create function rewrite_photo_texts() returns bigint language plpgsql as $$
declare
  written bigint;
begin
  -- Whoever writes photos or keywords meanwhile waits, and then computes with the language that is set by then.
  lock table photo_texts in share row exclusive mode;
  insert into photo_texts (photo_id)
  select photo_id from photos union select photo_id from photo_keywords on conflict (photo_id) do nothing;
  update photo_texts t set words = now_is.words
    from photo_words(text_configuration()) as now_is where t.photo_id = now_is.photo_id and t.words <> now_is.words;
  get diagnostics written = row_count;
  return written;
end $$;
comment on function rewrite_photo_texts is 'Computes the words of all photos anew. Returns how many were other than before.';

create function rewritten_words() returns trigger language plpgsql as $$
begin
  perform rewrite_photo_texts();
  return null;
end $$;
comment on function rewritten_words is 'Trigger: keeps photo_texts after photos or photo_keywords were emptied.';

select rewrite_photo_texts();
create index photo_texts_words on photo_texts using gin (words);

create trigger words_of_new_photos after insert on photos
  referencing new table as new_rows for each statement execute function photos_changed_words();
create trigger words_of_changed_photos after update on photos
  referencing old table as old_rows new table as new_rows for each statement execute function photos_changed_words();
create trigger words_of_gone_photos after delete on photos
  referencing old table as old_rows for each statement execute function photos_changed_words();
create trigger words_of_no_photos after truncate on photos for each statement execute function rewritten_words();
create trigger words_of_new_keywords after insert on photo_keywords
  referencing new table as new_rows for each statement execute function keywords_changed_words();
create trigger words_of_changed_keywords after update on photo_keywords
  referencing old table as old_rows new table as new_rows for each statement execute function keywords_changed_words();
create trigger words_of_gone_keywords after delete on photo_keywords
  referencing old table as old_rows for each statement execute function keywords_changed_words();
create trigger words_of_no_keywords after truncate on photo_keywords for each statement execute function rewritten_words();

create function use_text_language(language text) returns bigint language plpgsql as $$
begin
  if not exists (select from pg_ts_config c where c.cfgname = use_text_language.language and pg_ts_config_is_visible(c.oid)) then
    raise exception 'there is no text search configuration %; known: %', coalesce(use_text_language.language, 'null'),
      (select string_agg(cfgname, ', ' order by cfgname) from pg_ts_config c where pg_ts_config_is_visible(c.oid))
      using errcode = 'UC005';
  end if;
  lock table photo_texts in share row exclusive mode;
  update text_language set language = use_text_language.language;
  return rewrite_photo_texts();
end $$;
comment on function use_text_language is
  'Sets how words are stored and looked for: english (stems, no stop words), simple (every word as it is) or another configuration of this server. Computes all words anew; returns how many photos'' changed.';

create function text_query(prompt text) returns tsquery language plpgsql stable as $$
declare
  result tsquery;
begin
  -- What prompts may have, too. Reading a query takes time by the square of its length.
  if octet_length(prompt) > 2000 then
    raise exception 'a prompt of at most 2000 bytes expected, found % beginning "%"', octet_length(prompt), left(prompt, 40)
      using errcode = 'UC005';
  end if;
  result := websearch_to_tsquery(text_configuration(), coalesce(prompt, ''));
  -- 'T': what only rules words out, or may match without any word, says nothing on how well a photo fits.
  return case when querytree(result) in ('', 'T') then null else result end;
end $$;
comment on function text_query is
  'A prompt as full text query, in the language of text_language: all words, "a phrase", or, -without. Null when it holds nothing to look for.';

-- Reciprocal rank fusion: score = sum over the lists of weight / (rrf_k + rank). G. V. Cormack, C. L. A. Clarke, S. Büttcher,
-- "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009, whose k is 60.
create function search_hybrid(
  prompt text, k integer default 10, skip integer default 0,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  min_score double precision default null,
  vector_weight double precision default 1, text_weight double precision default 1,
  rrf_k integer default 60, depth integer default 200, query vector default null, kind text default 'text'
) returns table (
  rank bigint, photo_id text, score double precision, vector_rank bigint, vector_score double precision,
  text_rank bigint, text_score real, description text, photographer text, photo_url text
) language plpgsql stable as $$
declare
  of_model integer := model_id_of(model);
  wanted record;
  words tsquery;
begin
  if k is null or k < 1 then
    raise exception 'k must be a whole number from 1, found %', coalesce(k::text, 'null') using errcode = 'UC005';
  end if;
  if skip is null or skip < 0 then
    raise exception 'skip must be a whole number from 0, found %', coalesce(skip::text, 'null') using errcode = 'UC005';
  end if;
  if rrf_k is null or rrf_k < 0 then
    raise exception 'rrf_k must be a whole number from 0, found %', coalesce(rrf_k::text, 'null') using errcode = 'UC005';
  end if;
  -- What a deeper list would bring up could stand before what a page has shown already.
  if depth is null or depth < k::bigint + skip then
    raise exception 'depth must be at least k + skip = %, and the same for every page, found %', k::bigint + skip,
      coalesce(depth::text, 'null') using errcode = 'UC005';
  end if;
  if (vector_weight >= 0 and vector_weight < 'infinity' and text_weight >= 0 and text_weight < 'infinity'
      and vector_weight + text_weight > 0) is not true then
    raise exception 'vector_weight and text_weight must be numbers from 0, one of them above, found % and %',
      coalesce(vector_weight::text, 'null'), coalesce(text_weight::text, 'null') using errcode = 'UC005';
  end if;
  if prompt is null and query is null then
    raise exception 'a prompt or a query vector expected, found neither' using errcode = 'UC005';
  end if;
  select * into wanted from search_conditions(of_model, labels, filters);
  -- A list of weight 0 is not made: words alone need no vector.
  query := case when vector_weight > 0 then coalesce(query, prompt_embedding(prompt, of_model::text)) end;
  words := case when text_weight > 0 then text_query(prompt) end;

  -- Photos of equal score share a rank, and the text list is cut behind equals: one word gives hundreds of equal text scores,
  -- among which the ids must not decide.
  return query execute format($sql$
    with by_vector as materialized (
      select near.photo_id, near.score, rank() over (order by near.score desc) as place
        from search_embeddings(%1$s, $1, $5, 0, $3, $4, null, $6, $7) as near where $1 is not null
    ), by_text as materialized (
      select best.photo_id, best.score, rank() over (order by best.score desc) as place
        from (select t.photo_id, ts_rank(t.words, $2) as score
                from photo_texts t join embeddings e on e.photo_id = t.photo_id %2$s
               where e.model_id = %1$s and t.words @@ $2 %3$s
               order by score desc fetch first ($5) rows with ties) as best
    ), fused as (
      select photo_id, coalesce($8 / ($10 + v.place), 0) + coalesce($9 / ($10 + t.place), 0) as score,
             v.place as vector_rank, v.score as vector_score, t.place as text_rank, t.score as text_score
        from by_vector v full join by_text t using (photo_id)
       order by score desc, photo_id limit $11 offset $12
    )
    select row_number() over (order by f.score desc, f.photo_id) + $12, f.photo_id, f.score, f.vector_rank, f.vector_score,
           f.text_rank, f.text_score, coalesce(p.photo_description, p.ai_description), p.photographer_username, p.photo_url
      from fused f left join photos p on p.photo_id = f.photo_id
     order by f.score desc, f.photo_id$sql$,
    of_model, case when wanted.needs_photos then 'join photos p on p.photo_id = e.photo_id' end, wanted.conditions)
    using query, words, labels, filters, depth, kind, min_score, vector_weight, text_weight, rrf_k::double precision, k, skip;
end $$;
comment on function search_hybrid is
  'Photos by meaning and by words: the depth nearest by vector and the depth best by full text, fused by reciprocal rank (score = vector_weight / (rrf_k + vector_rank) + text_weight / (rrf_k + text_rank), SIGIR 2009), ties by photo_id. A rank is null where the photo is not in that list; a prompt of stop words alone has no text list. min_score cuts the vector list. labels, filters, model: as of search_photos. query: the vector to look for; without it, that of the prompt.';
