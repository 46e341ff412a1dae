create or replace function shows_condition(entry jsonb, n integer, of_model integer) returns text language plpgsql stable as $$
declare
  shown constant jsonb := entry -> 'shows';
  of_set record;
begin
  if jsonb_typeof(shown) is null or jsonb_typeof(shown) not in ('string', 'array') then
    raise exception 'shows expects words whose embedding is stored, or an embedding of words, found %', left(shown::text, 80)
      using errcode = 'UC001';
  end if;
  if of_model is null then
    raise exception 'shows needs a model, and these photos are chosen without one' using errcode = 'UC001';
  end if;
  select s.version, s.cut::double precision as cut, coalesce(s.floor, -1)::double precision as floor, s.cut_by,
         exists (select from reference_texts t where t.version = s.version and not t.known) as knows_not_all
    into of_set
    from reference_sets s where s.model_id = of_model and s.state = 'current' and (s.cut is not null or s.cut_by = 'none');
  if of_set.cut_by = 'none' then
    raise exception 'No cut-off tells photos that show words from others with % in this collection. Leave out relevant, or set a least similarity. To try other reference texts: unsplash-clip models correct % --weight 0 --references FILE',
      (select m.name || '@' || m.precision from models m where m.id = of_model),
      (select m.name || '@' || m.precision from models m where m.id = of_model) using errcode = 'UC009';
  end if;
  if of_set.version is null then
    raise exception 'Photos are not compared with reference texts yet, so nothing tells which of them show words. Run: unsplash-clip models correct % --weight 0',
      (select m.name || '@' || m.precision from models m where m.id = of_model) using errcode = 'UC008';
  end if;
  -- What every photo must reach is looked at first, so that few are looked up. The words are one value of the statement.
  return format(
    ' and 1 - (e.embedding <=> (select shown_words(%1$s, $4 -> %2$s -> ''shows''))) >= %3$s'
    ' and 1 - (e.embedding <=> (select shown_words(%1$s, $4 -> %2$s -> ''shows''))) >= %4$s + greatest(%5$s, ('
    'select r.top_mean::double precision from reference_scores r where r.version = %6$s and r.photo_id = e.photo_id))',
    of_model, n, of_set.floor + of_set.cut, of_set.cut, of_set.floor, of_set.version)
    -- Once per search: no photo shows words that the model cannot tell from those that it does not know.
    || case when of_set.knows_not_all then format(
         ' and not exists (select from reference_texts t where t.version = %1$s and not t.known'
         ' and 1 - (t.embedding <=> (select shown_words(%2$s, $4 -> %3$s -> ''shows''))::vector) >= 0.99)',
         of_set.version, of_model, n) else '' end;
end $$;
comment on function shows_condition is
  'Part of search_conditions: photos that show what words say.';
