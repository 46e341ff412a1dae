-- requires: label_definitions
create or replace view label_progress as
  select m.name || '@' || m.precision as model, d.model_id, d.set_name, d.state, d.version,
         (select count(*) from embeddings e where e.model_id = d.model_id) as photos,
         (select count(*) from label_rows l where l.version = d.version) as labelled
    from label_definitions d join models m on m.id = d.model_id;
comment on view label_progress is
  'Number of embedded photos, and how many of them have a label, for each definition in use.';
comment on column label_progress.model is 'The model, as name@precision.';
comment on column label_progress.model_id is 'Id of the model.';
comment on column label_progress.set_name is 'Name of the label set.';
comment on column label_progress.state is 'current or coming.';
comment on column label_progress.version is 'Version of the definition.';
comment on column label_progress.photos is 'Embedded photos.';
comment on column label_progress.labelled is 'Photos with a label under this definition.';
