create or replace function stored_prompt(of_model integer, prompt text) returns vector language sql stable as $$
  select embedding from (
    select p.embedding, 1 as place from prompt_embeddings p
     where p.model_id = stored_prompt.of_model and p.prompt = stored_prompt.prompt
    union all
    select l.embedding, 2 from label_prompts l
     where l.model_id = stored_prompt.of_model and l.prompt = stored_prompt.prompt
    order by place limit 1) as found
$$;
comment on function stored_prompt is
  'The embedding of a prompt in normal form, stored by itself or as the prompt of a label; null when there is none.';
