create or replace function sweep_reference_scores() returns bigint language plpgsql as $$
declare
  swept bigint;
begin
  with recursive known as (
    select min(version) as version from reference_scores
    union all
    select (select min(s.version) from reference_scores s where s.version > known.version) from known where known.version is not null
  )
  delete from reference_scores s where s.version = any (array(select version from known except select version from reference_sets));
  get diagnostics swept = row_count;
  return swept;
end $$;
comment on function sweep_reference_scores is 'Deletes results of reference sets that no longer exist. Searches do not see them.';
