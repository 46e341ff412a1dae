create or replace function text_configuration() returns regconfig language sql stable as $$
  select quote_ident(language)::regconfig from text_language
$$;
comment on function text_configuration is 'The text search configuration of text_language.';
