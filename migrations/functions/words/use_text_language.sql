create or replace function use_text_language(language text) returns bigint language plpgsql as $$
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
  'Sets the text search configuration for storing and finding words: english (stems, no stop words), simple (every word as it is) or another one of this server. Computes all words again; returns for how many photos they changed.';
