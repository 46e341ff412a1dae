create or replace function prompt_embedding(prompt text, model text default null) returns vector language plpgsql stable as $$
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
  'The embedding of a prompt that was embedded before, by itself or as the prompt of a label; SQLSTATE UC006 says how to embed it.';
