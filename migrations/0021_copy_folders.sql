-- Under which settings copies were stored: the copies of a photo that is removed are looked for under all of them, since its
-- embedding may be gone with a retired model, or name the copy of other settings.
create table copy_folders (
  folder text collate "C" primary key
);
comment on table copy_folders is
  'Folders of the object store in which compressed copies were stored, one per combination of COPY_HEIGHT and COPY_QUALITY: h512-q65.';
comment on column copy_folders.folder is 'First part of the keys of such copies, without the slash.';
insert into copy_folders (folder)
select distinct split_part(stored_key, '/', 1) from embeddings where stored_key is not null;
