-- requires: reference_statement
create or replace function reference_page(of_model integer) returns bigint language plpgsql as $$
declare
  of_set reference_sets;
  page reference_ranges;
  compared bigint;
begin
  perform label_lock(of_model, false);
  of_set := reference_set(of_model);
  loop
    delete from reference_ranges r where (r.version, r.first_block) = (
      select n.version, n.first_block from reference_ranges n where n.version = of_set.version
       order by n.first_block limit 1 for update skip locked)
    returning * into page;
    exit when found;
    -- Others have the last ones. They are waited for: who dies leaves its page to be done.
    perform from reference_ranges r where r.version = of_set.version limit 1 for update;
    if not found then
      return null;
    end if;
  end loop;
  -- In the order of the disk. What is there already was written with its embedding, meanwhile.
  execute reference_statement(of_set, 'e.ctid >= $1 and e.ctid < $2', 'do nothing')
    using format('(%s,0)', page.first_block)::tid, format('(%s,0)', page.end_block)::tid;
  get diagnostics compared = row_count;
  return compared;
end $$;
comment on function reference_page is
  'Compares a few thousand photos that reference_rest has set aside with the reference texts. Any number of sessions may call it at the same time. Null: nothing is set aside.';
