create or replace function keep_returned_copies() returns trigger language plpgsql as $$
begin
  delete from removed_copies r using new_rows n where r.photo_id = n.photo_id;
  return null;
end $$;
comment on function keep_returned_copies is 'Trigger: the copies of a removed photo that comes back are not deleted.';

create or replace trigger copies_of_new_photos after insert on photos
  referencing new table as new_rows for each statement execute function keep_returned_copies();
