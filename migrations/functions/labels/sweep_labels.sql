create or replace function sweep_labels() returns bigint language plpgsql as $$
declare
  swept bigint;
begin
  delete from label_ranges r where not exists (select from label_definitions d where d.version = r.version);
  with recursive known as (
    select min(version) as version from label_rows
    union all
    select (select min(l.version) from label_rows l where l.version > known.version) from known where known.version is not null
  )
  delete from label_rows l where l.version = any (array(
    select version from known
    except select version from label_sets
    except select version from label_changes));
  get diagnostics swept = row_count;
  return swept;
end $$;
comment on function sweep_labels is 'Deletes labels of versions that no longer exist. Readers do not see them.';
