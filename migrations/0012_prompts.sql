-- Words as vectors: prompts that are embedded once and kept, asked of a running worker, and combined with photos.

create function normal_prompt(prompt text) returns text language plpgsql immutable as $$
declare
  result text := trim(regexp_replace(prompt, '\s+', ' ', 'g'));
begin
  if coalesce(result, '') = '' then
    raise exception 'a prompt of at least one word expected, found %', coalesce('"' || prompt || '"', 'null')
      using errcode = 'UC005';
  end if;
  -- A key of an index holds 2704 bytes, and models read some 300 characters.
  if octet_length(result) > 2000 then
    raise exception 'a prompt of at most 2000 bytes expected, found % beginning "%"', octet_length(result), left(result, 40)
      using errcode = 'UC005';
  end if;
  return result;
end $$;
comment on function normal_prompt is 'The form under which a prompt is kept: single blanks, none at the ends. Upper and lower case differ.';

create table prompt_embeddings (
  model_id integer not null references models on delete cascade,
  prompt text collate "C" not null check (prompt = normal_prompt(prompt)),
  embedding vector not null check (vector_norm(embedding) > 0),
  created_at timestamptz not null default now(),
  primary key (model_id, prompt)
);
comment on table prompt_embeddings is
  'Text embeddings by the words they were made of, in the form that normal_prompt gives. They stay until "unsplash-clip prompts remove".';

create table prompt_requests (
  id bigint generated always as identity primary key,
  model_id integer not null references models on delete cascade,
  prompt text collate "C" not null check (prompt = normal_prompt(prompt)),
  requested_at timestamptz not null default now(),
  claimed_at timestamptz,
  answered_at timestamptz,
  problem text
);
comment on table prompt_requests is
  'Prompts that workers are asked to embed. Kept for a day; what a worker answered is in prompt_embeddings, or in problem.';
comment on column prompt_requests.claimed_at is
  'When a worker took it. One that has not answered a minute later counts as dead, and another takes it.';

-- Who asks for what is asked for already waits for the same answer.
create unique index prompt_requests_open on prompt_requests (model_id, prompt) where answered_at is null;
create index prompt_requests_age on prompt_requests (requested_at);

create function clients_share_session() returns boolean language sql stable as
  $$ select version() like '%(PGlite %' $$;
comment on function clients_share_session is
  'Whether this is the embedded server, where a statement that waits for another client would wait for ever.';

create function stored_prompt(of_model integer, prompt text) returns vector language sql stable as $$
  select embedding from (
    select p.embedding, 1 as place from prompt_embeddings p
     where p.model_id = stored_prompt.of_model and p.prompt = stored_prompt.prompt
    union all
    select l.embedding, 2 from label_prompts l
     where l.model_id = stored_prompt.of_model and l.prompt = stored_prompt.prompt
    order by place limit 1) as found
$$;
comment on function stored_prompt is
  'The embedding of a prompt in normal form, kept by itself or as that of a label; null when there is none.';

create function prompt_command(of_model integer, prompt text) returns text language sql stable as $$
  select format('unsplash-clip prompts add %s --model %s@%s',
                -- What a shell would take for more than a text stands in single quotes.
                case when prompt ~ '[^\w ,.;:()-]' then '''' || replace(prompt, '''', '''\''''') || '''' else '"' || prompt || '"' end,
                m.name, m.precision)
    from models m where m.id = of_model
$$;
comment on function prompt_command is 'The command that embeds a prompt with a model, for messages.';

create function prompt_embedding(prompt text, model text default null) returns vector language plpgsql stable as $$
declare
  of_model integer := model_id_of(model);
  wanted text := normal_prompt(prompt);
  result vector := stored_prompt(of_model, wanted);
begin
  if result is null then
    raise exception '"%" is not embedded yet. Run: % (or, with a worker running: call embed_prompt(%))', wanted,
      prompt_command(of_model, wanted), quote_literal(wanted) using errcode = 'UC006';
  end if;
  return result;
end $$;
comment on function prompt_embedding is
  'The embedding of words that were embedded before, as a prompt or as a label; SQLSTATE UC006 says how to embed them.';

create function search_text(
  prompt text, k integer default 10, skip integer default 0,
  labels jsonb default '[]', filters jsonb default '[]', model text default null,
  min_score double precision default null, after_score double precision default null, after_photo text default null
) returns table (rank bigint, photo_id text, score double precision, description text, photographer text, photo_url text)
language plpgsql stable as $$
begin
  return query
    select * from search_photos(prompt_embedding(prompt, model), k, skip, labels, filters, model,
                                min_score, after_score, after_photo, 'text');
end $$;
comment on function search_text is
  'Photos nearest to words whose embedding is stored; see prompt_embedding. The other parameters are those of search_photos.';

create function combine(parts jsonb, model text default null) returns vector language plpgsql stable as $$
declare
  of_model integer := model_id_of(model);
  model_dimension integer;
  part jsonb;
  weight double precision;
  total_weight double precision := 0;
  direction vector;
  total vector;
begin
  select dimension into model_dimension from models where id = of_model;
  if jsonb_typeof(parts) is distinct from 'array' or jsonb_array_length(parts) = 0 then
    raise exception 'parts must be a JSON array of at least one part, found %', coalesce(left(parts::text, 80), 'null')
      using errcode = 'UC005';
  end if;
  for part in select jsonb_array_elements(parts) loop
    if jsonb_typeof(part) <> 'object' or (select count(*) from jsonb_object_keys(part) as key where key <> 'weight') <> 1
       or (jsonb_typeof(part -> 'prompt') is distinct from 'string' and jsonb_typeof(part -> 'photo') is distinct from 'string'
           and jsonb_typeof(part -> 'vector') is distinct from 'array') then
      raise exception 'a part is {"prompt": "words", "weight": 1}, with "photo": "id" or "vector": [numbers] in place of the prompt; found %',
        left(part::text, 80) using errcode = 'UC005';
    end if;
    -- Single precision overflows far beyond.
    if jsonb_typeof(coalesce(part -> 'weight', '1')) <> 'number'
       or not (coalesce(part ->> 'weight', '1'))::numeric between -1000 and 1000 then
      raise exception 'weight expects a number between -1000 and 1000, found %', left((part -> 'weight')::text, 80)
        using errcode = 'UC005';
    end if;
    weight := coalesce((part ->> 'weight')::double precision, 1);
    direction := case when part ? 'prompt' then prompt_embedding(part ->> 'prompt', of_model::text)
                      when part ? 'photo' then embedding_of(of_model, part ->> 'photo')
                      else vector_of_json(part -> 'vector', model_dimension) end;
    direction := l2_normalize(direction) * array_fill(weight::real, array[model_dimension])::vector;
    total := coalesce(total + direction, direction);
    total_weight := total_weight + abs(weight);
  end loop;
  -- What is left of parts that cancel out is rounding, and points anywhere.
  if vector_norm(total) <= 1e-5 * total_weight then
    raise exception 'the parts cancel each other out: nothing is left to search for in %', left(parts::text, 200)
      using errcode = 'UC005';
  end if;
  return l2_normalize(total);
end $$;
comment on function combine is
  'A query vector of unit length from prompts, photos and vectors: [{"prompt": "at night", "weight": 1}, {"photo": "id"}, {"prompt": "people", "weight": -0.5}]. Each part has unit length before it is weighted; the weight is 1 where none is given, and a negative one turns away.';

create function vector_of_json(numbers jsonb, wanted_dimension integer) returns vector language plpgsql immutable as $$
declare
  result vector;
begin
  result := array(select jsonb_array_elements_text(numbers)::real)::vector;
  if vector_dims(result) <> wanted_dimension then
    raise exception 'a vector of % numbers expected, as the model''s embeddings are, found %', wanted_dimension, vector_dims(result)
      using errcode = 'UC005';
  end if;
  return result;
exception when data_exception then
  raise exception 'a vector of % numbers in single precision expected, found %', wanted_dimension, left(numbers::text, 80)
    using errcode = 'UC005';
end $$;
comment on function vector_of_json is 'Part of combine: a JSON array of numbers as a vector.';

create function request_prompt(prompt text, model text default null) returns bigint language plpgsql as $$
#variable_conflict use_column
declare
  of_model integer := model_id_of(request_prompt.model);
  wanted text := normal_prompt(request_prompt.prompt);
  request bigint;
begin
  if stored_prompt(of_model, wanted) is not null then
    return null;
  end if;
  if (select count(*) from prompt_requests r where r.answered_at is null) >= 1000 then
    raise exception '1000 prompts wait for a worker already. Start one: unsplash-clip worker, or run: %',
      prompt_command(of_model, wanted) using errcode = 'UC006';
  end if;
  insert into prompt_requests as r (model_id, prompt) values (of_model, wanted)
  on conflict (model_id, prompt) where answered_at is null do update set requested_at = now()
  returning r.id into request;
  -- Answered since it was looked for, by who answered a request like it.
  if stored_prompt(of_model, wanted) is not null then
    delete from prompt_requests r where r.id = request;
    return null;
  end if;
  perform pg_notify('unsplash_clip_prompts', of_model::text);
  return request;
end $$;
comment on function request_prompt is
  'Asks a running worker to embed a prompt, without waiting for it. Returns the request''s id in prompt_requests, null for a prompt that is embedded already.';

create procedure embed_prompt(prompt text, timeout interval default '10 seconds', model text default null)
language plpgsql as $$
declare
  of_model integer := model_id_of(model);
  wanted text := normal_prompt(prompt);
  request bigint;
  give_up_at timestamptz;
  found_problem text;
begin
  if timeout is null or not timeout between '0' and '1 hour' then
    raise exception 'timeout expects an interval up to an hour, found %', coalesce(timeout::text, 'null') using errcode = 'UC005';
  end if;
  if clients_share_session() then
    raise exception 'On the embedded server nobody can wait for a worker, since all clients share one session. Run: % (or ask with select request_prompt(%), and look again in a moment)',
      prompt_command(of_model, wanted), quote_literal(wanted) using errcode = 'UC006';
  end if;
  request := request_prompt(wanted, of_model::text);
  if request is null then
    return;
  end if;
  commit;
  give_up_at := clock_timestamp() + timeout;
  loop
    select r.problem into found_problem from prompt_requests r where r.id = request and r.answered_at is not null;
    exit when found;
    if clock_timestamp() >= give_up_at then
      raise exception 'No worker answered within %. The request stays. Start a worker of the model, or run: %', timeout,
        prompt_command(of_model, wanted) using errcode = 'UC006';
    end if;
    -- Between two looks no transaction is open that would hold up a vacuum.
    commit;
    perform pg_sleep(0.02);
  end loop;
  if found_problem is not null then
    raise exception 'A worker could not embed "%": %', wanted, found_problem using errcode = 'UC006';
  end if;
end $$;
comment on procedure embed_prompt is
  'Has a running worker embed a prompt, and waits for it: call embed_prompt(''at night''). Commits, so it is called outside of a transaction. SQLSTATE UC006 when no worker answered in time, or could not. Not on the embedded server.';
