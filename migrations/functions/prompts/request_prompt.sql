create or replace function request_prompt(prompt text, model text default null) returns bigint language plpgsql as $$
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
  'Asks a running worker to embed a prompt, without waiting. Returns the id of the request in prompt_requests; null for a prompt that is embedded already.';
