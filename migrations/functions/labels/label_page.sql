-- requires: label_definitions, label_statement
create or replace function label_page(of_model integer, of_set text) returns bigint language plpgsql as $$
declare
  model models;
  definition label_definitions;
  page label_ranges;
  labelled bigint;
begin
  perform label_lock(of_model, false);
  definition := label_definition(of_model, of_set);
  loop
    delete from label_ranges r where (r.version, r.first_block) = (
      select n.version, n.first_block from label_ranges n where n.version = definition.version
       order by n.first_block limit 1 for update skip locked)
    returning * into page;
    exit when found;
    -- Others have the last ones. They are waited for: who dies leaves its page to be done.
    perform from label_ranges r where r.version = definition.version limit 1 for update;
    if not found then
      return null;
    end if;
  end loop;
  select * into model from models where id = of_model;
  -- In the order of the disk. Who has a label got it from a worker, meanwhile.
  execute label_statement(definition, 'e.ctid >= $7 and e.ctid < $8', 'do nothing')
    using definition.version, of_set, definition.labels, definition.prompts, model.logit_scale, model.logit_bias,
          format('(%s,0)', page.first_block)::tid, format('(%s,0)', page.end_block)::tid;
  get diagnostics labelled = row_count;
  return labelled;
end $$;
comment on function label_page is
  'Labels a few thousand photos that label_rest has set aside. Any number of sessions may call it at the same time. Null: nothing is set aside.';
