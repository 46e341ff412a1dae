create or replace view label_definitions as
  select s.model_id, s.name as set_name, s.version, 'current' as state, s.template, s.labels,
         array(select p.embedding from label_prompts p
                where p.model_id = s.model_id and p.set_name = s.name order by p.position) as prompts,
         s.scales, s.biases, s.training
    from label_sets s
  union all
  select model_id, set_name, version, 'coming', template, labels, prompts, scales, biases, training from label_changes;
comment on view label_definitions is
  'Label sets that photos are labelled under now: those that readers see (current), and those that will replace them (coming).';
comment on column label_definitions.model_id is 'Id of the model.';
comment on column label_definitions.set_name is 'Name of the label set.';
comment on column label_definitions.version is 'Selects the rows of label_rows.';
comment on column label_definitions.state is 'current or coming.';
comment on column label_definitions.template is 'Template of the prompts; {label} stands for the label.';
comment on column label_definitions.labels is 'The labels, in order.';
comment on column label_definitions.prompts is
  'Embeddings of the prompts, or directions of a trained set, in the order of the labels.';
comment on column label_definitions.scales is 'Of a trained set: factor from cosine similarity to logit, per label; null: the model has it.';
comment on column label_definitions.biases is 'Of a trained set: added to the logit, per label; null: the model has it.';
comment on column label_definitions.training is 'How a trained set was trained; null: the set has prompts.';
