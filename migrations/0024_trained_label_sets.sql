-- Label sets that were trained on vectors of photos with known labels, beside those of prompts. They are stored as directions,
-- too, so that the same statements label photos with both kinds.

alter table label_sets
  add column scales double precision[],
  add column biases double precision[],
  add column training jsonb,
  add check ((scales is null) = (training is null) and cardinality(scales) is not distinct from cardinality(biases));
comment on column label_sets.scales is
  'Of a trained set: per label, the factor from the cosine similarity with its direction (label_prompts.embedding) to its logit. Null: the set has prompts, and its model has the factor.';
comment on column label_sets.biases is 'Of a trained set: per label, what is added to its logit. Null: the set has prompts.';
comment on column label_sets.training is
  'Of a trained set: how it was trained, with numbers of examples and measured quality. Null: the set has prompts.';

alter table label_changes
  add column scales double precision[],
  add column biases double precision[],
  add column training jsonb,
  add check ((scales is null) = (training is null) and cardinality(scales) is not distinct from cardinality(biases));
comment on column label_changes.scales is 'As label_sets.scales.';
comment on column label_changes.biases is 'As label_sets.biases.';
comment on column label_changes.training is 'As label_sets.training.';

create table label_examples (
  model_id integer not null,
  set_name text not null,
  photo_id text collate "C" not null references photos on delete cascade,
  label text not null,
  primary key (model_id, set_name, photo_id),
  foreign key (model_id, set_name) references label_sets on delete cascade
);
comment on table label_examples is
  'Photos that a label was taught with. Teaching it again adds to them.';
comment on column label_examples.model_id is 'The model whose embeddings were used.';
comment on column label_examples.set_name is 'Name of the label set.';
comment on column label_examples.photo_id is 'The photo.';
comment on column label_examples.label is 'The label that the photo has, as people said.';
create index label_examples_by_photo on label_examples (photo_id);
