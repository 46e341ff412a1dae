create or replace view reference_progress as
  select m.name || '@' || m.precision as model, s.model_id, s.version, s.state, s.k, s.weight,
         (select count(*) from reference_texts t where t.version = s.version) as texts,
         (select count(*) from embeddings e where e.model_id = s.model_id) as photos,
         (select count(*) from reference_scores c where c.version = s.version) as compared,
         (select count(*) from reference_texts t where t.version = s.version and t.known) as known_texts,
         s.cut_by, s.judged, s.cut_precision, s.cut_recall
    from reference_sets s join models m on m.id = s.model_id;
comment on view reference_progress is
  'The reference sets of each model, with the number of embedded photos and how many of them were compared with the texts.';
comment on column reference_progress.model is 'The model, as name@precision.';
comment on column reference_progress.model_id is 'Id of the model.';
comment on column reference_progress.version is 'Number of the set.';
comment on column reference_progress.state is 'current or coming.';
comment on column reference_progress.k is 'Texts per photo whose mean similarity is stored.';
comment on column reference_progress.weight is 'Weight of the correction in searches by words that name none.';
comment on column reference_progress.texts is 'Reference texts.';
comment on column reference_progress.photos is 'Embedded photos.';
comment on column reference_progress.compared is 'Photos that were compared with the texts.';
comment on column reference_progress.known_texts is 'Reference texts that the model knows: it can tell them apart.';
comment on column reference_progress.cut_by is 'By what searches know which photos show words: deviations, descriptions, or none. Null: not measured yet.';
comment on column reference_progress.judged is 'Reference texts that descriptions of photos name.';
comment on column reference_progress.cut_precision is 'Mean share of the photos found for such a text whose descriptions name it.';
comment on column reference_progress.cut_recall is 'Mean share of the photos whose descriptions name such a text that are found for it.';
