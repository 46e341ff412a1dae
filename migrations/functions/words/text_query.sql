create or replace function text_query(prompt text) returns tsquery language plpgsql stable as $$
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
  'A prompt as a full text query, in the language of text_language: all words, "a phrase", or, -without. Null when it has nothing to search for.';
