create or replace function keep_clusters() returns trigger language plpgsql as $$
begin
  if exists (select from label_sets s where s.model_id = new.model_id and s.name = new.set_name and s.clustering is not null) then
    raise exception 'the label set % has clusters, and another definition would replace it. Give this one another name, or remove that one first: unsplash-clip labels rm %',
      new.set_name, new.set_name using errcode = 'UC005';
  end if;
  return new;
end $$;
comment on function keep_clusters is 'Trigger: refuses a changed definition for a label set of clusters, whose labels no prompt gives back.';

create or replace trigger keep_clusters before insert on label_changes for each row execute function keep_clusters();
