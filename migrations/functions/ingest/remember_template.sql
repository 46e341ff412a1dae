create or replace function remember_template(photo_ids text[], template text) returns void language plpgsql as $$
declare
  the_template integer;
begin
  if remember_template.template is null then
    delete from photo_templates t where t.photo_id = any (photo_ids);
    return;
  end if;
  insert into url_templates (template) values (remember_template.template) on conflict do nothing;
  select u.id into the_template from url_templates u where u.template = remember_template.template;
  insert into photo_templates as t (photo_id, template_id)
  select p.photo_id, the_template from photos p where p.photo_id = any (photo_ids)
   order by p.photo_id
  on conflict (photo_id) do update set template_id = excluded.template_id
   where t.template_id <> excluded.template_id;
end $$;
comment on function remember_template is
  'Notes by which URL template photos are fetched, for later runs that read them from the database. Null: by none.';
