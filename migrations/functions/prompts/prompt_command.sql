create or replace function prompt_command(of_model integer, prompt text) returns text language sql stable as $$
  select format('unsplash-clip prompts add %s --model %s@%s',
                -- What a shell would take for more than a text stands in single quotes.
                case when prompt ~ '[^\w ,.;:()-]' then '''' || replace(prompt, '''', '''\''''') || '''' else '"' || prompt || '"' end,
                m.name, m.precision)
    from models m where m.id = of_model
$$;
comment on function prompt_command is 'The command that embeds a prompt with a model, for messages.';
