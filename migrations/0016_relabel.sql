-- Labels in versions: a changed label set is labelled beside the labels that readers have, and takes their place at once.

create sequence label_versions as integer;
comment on sequence label_versions is 'Numbers of definitions of label sets: each changed definition is a new version.';

alter table label_sets
  add column version integer not null default nextval('label_versions'),
  add unique (version);
comment on table label_sets is 'Zero-shot label sets as readers have them now, a row a model and set.';
comment on column label_sets.version is 'Of the rows of label_rows that are the labels of this set.';

create table label_changes (
  model_id integer not null,
  set_name text not null,
  version integer not null unique default nextval('label_versions'),
  template text not null,
  labels text[] not null,
  prompts vector[] not null,
  complete boolean not null default false,
  started_at timestamptz not null default now(),
  primary key (model_id, set_name),
  foreign key (model_id, set_name) references label_sets on delete cascade
);
comment on table label_changes is
  'Changed definitions of label sets on their way: photos are labelled under them, and nobody sees it until label_switch.';
comment on column label_changes.prompts is 'Embeddings of the prompts, in the order of the labels.';
comment on column label_changes.complete is 'Every photo was found to be labelled under it: it may become current.';

create table label_ranges (
  version integer not null,
  first_block bigint not null,
  end_block bigint not null,
  primary key (version, first_block)
);
comment on table label_ranges is
  'Ranges of blocks of a model''s embeddings whose photos are still to be labelled. Who labels one takes its row away in the same transaction.';

create table label_rows (
  version integer not null,
  model_id integer not null,
  set_name text not null,
  photo_id text collate "C" not null,
  label text not null,
  score real not null,
  scores real[] not null
);
-- No foreign keys: their triggers would cost more than the labels do. Rows of a version that is no more are nobody's.
insert into label_rows
select s.version, l.model_id, l.set_name, l.photo_id, l.label, l.score, l.scores
  from photo_labels l join label_sets s on s.model_id = l.model_id and s.name = l.set_name
 order by s.version, l.photo_id;
alter table label_rows add primary key (version, photo_id);
create index label_rows_by_label on label_rows (version, label);
comment on table label_rows is
  'The label of each photo under each version of a label set. Read photo_labels, which has the versions that count.';


create function drop_label_rows() returns trigger language plpgsql as $$
begin
  delete from label_ranges r using label_definitions d
   where r.version = d.version and d.model_id = old.model_id and d.set_name = old.name;
  delete from label_rows l where l.model_id = old.model_id and l.set_name = old.name;
  return old;
end $$;
comment on function drop_label_rows is 'Trigger: the labels of a set go with it.';
create trigger drop_label_rows before delete on label_sets for each row execute function drop_label_rows();

drop view labelled_photos;
drop table photo_labels;
create view photo_labels as
  select model_id, set_name, photo_id, label, score, scores from label_rows
   where version = any (array(select version from label_sets));
comment on view photo_labels is 'The label of each photo in each label set: the one with the largest logit, which has the highest score.';
comment on column photo_labels.scores is
  'Scores of all labels in the order of the set. Of a softmax model they add up to 1; those of a sigmoid model are independent of each other.';

create view labelled_photos as
  select l.photo_id, m.name || '@' || m.precision as model, l.model_id,
         jsonb_object_agg(l.set_name, l.label) as labels,
         jsonb_object_agg(l.set_name, l.score) as scores
    from photo_labels l join models m on m.id = l.model_id
   group by l.photo_id, m.name, m.precision, l.model_id;
comment on view labelled_photos is 'One row a photo and model: its label in every label set, and that label''s score.';

create view label_definitions as
  select s.model_id, s.name as set_name, s.version, 'current' as state, s.template, s.labels,
         array(select p.embedding from label_prompts p
                where p.model_id = s.model_id and p.set_name = s.name order by p.position) as prompts
    from label_sets s
  union all
  select model_id, set_name, version, 'coming', template, labels, prompts from label_changes;
comment on view label_definitions is
  'Label sets under which photos are labelled now: what readers have (current), and what will take its place (coming).';

create view label_progress as
  select m.name || '@' || m.precision as model, d.model_id, d.set_name, d.state, d.version,
         (select count(*) from embeddings e where e.model_id = d.model_id) as photos,
         (select count(*) from label_rows l where l.version = d.version) as labelled
    from label_definitions d join models m on m.id = d.model_id;
comment on view label_progress is 'How many embedded photos there are, and how many of them have a label, for each definition in use. Counts.';

-- Two keys of our own for advisory locks, each with the id of a model. Whoever writes labels shares the first; who changes
-- what they are written under, or the embeddings that they were predicted from, has it alone. Row locks would let a stream of
-- workers keep the one out for ever. Who looks for photos without label has the second.

create function label_lock(of_model integer, alone boolean) returns void language plpgsql as $$
begin
  if alone then
    perform pg_advisory_xact_lock(1668047986, of_model);
  else
    perform pg_advisory_xact_lock_shared(1668047986, of_model);
  end if;
end $$;
comment on function label_lock is
  'Until the end of the transaction: label definitions stay as they are; alone: and nobody labels photos of this model.';

create function label_definition(of_model integer, of_set text) returns label_definitions language plpgsql stable as $$
declare
  definition label_definitions;
begin
  select * into definition from label_definitions d
   where d.model_id = of_model and d.set_name = of_set order by d.state = 'coming' desc limit 1;
  if definition is null then
    raise exception 'Label set % is not stored for this model. Run: unsplash-clip label %', of_set, of_set using errcode = 'UC003';
  end if;
  return definition;
end $$;
comment on function label_definition is 'The definition that photos are to be labelled under: the coming one, where there is one.';

create function label_statement(of_model integer, label_count integer, condition text, conflict text) returns text
language plpgsql stable as $$
declare
  scoring text := (select m.scoring from models m where m.id = of_model);
  numbers integer[] := array(select generate_series(1, label_count));
  logits text := array_to_string(array(select format('$5 * (1 - (v <=> $4[%s])) + $6', i) from unnest(numbers) as i), ', ');
  all_logits text := array_to_string(array(select format('l[%s]', i) from unnest(numbers) as i), ', ');
  weights text := array_to_string(array(
    select format(case scoring
      -- Postgres raises an error where exp() or a cast to real underflows; e^-80 is nothing beside 1 and still fits a real.
      when 'softmax' then 'exp(greatest(l[%s] - top, -80))'
      else '1 / (1 + exp(-greatest(least(l[%s], 80), -80)))' end, i) from unnest(numbers) as i), ', ');
  -- A sum of so many terms nests as deep as they are, which the stack of the embedded server does not bear from 700 on.
  total text := case
    when scoring <> 'softmax' then '1'
    when label_count <= 100 then array_to_string(array(select format('w[%s]', i) from unnest(numbers) as i), ' + ')
    else '(select sum(weight) from unnest(w) as weight)' end;
  scores text := array_to_string(array(select format('(w[%s] / total)::real', i) from unnest(numbers) as i), ', ');
begin
  -- An expression a label, without aggregates: a third of the time. "offset 0" keeps the steps apart, so that what is used
  -- several times is computed once. The label goes by logit: scores that are next to 1 are equal long before their logits are.
  return format(
    'insert into label_rows as r (version, model_id, set_name, photo_id, label, score, scores)
     select $1, %s, $2, photo_id, ($3)[place], scores[place], scores from (
       select photo_id, array_position(l, top) as place, array[%s] as scores from (
         select photo_id, l, top, w, %s as total from (
           select photo_id, l, top, array[%s] as w from (
             select photo_id, l, greatest(%s) as top from (
               select photo_id, array[%s] as l from (
                 select e.photo_id, e.embedding::vector as v from embeddings e where e.model_id = %s and %s
                 offset 0) as vectors
               offset 0) as logits
             offset 0) as tops
           offset 0) as weights
         offset 0) as totals
       offset 0) as labelled
     order by photo_id
     on conflict (version, photo_id) %s',
    of_model, scores, total, weights, all_logits, logits, of_model, condition, conflict);
end $$;
comment on function label_statement is
  'Part of label_batch and label_page: a statement that labels the photos of a condition. It takes version, set, labels, prompts, logit scale and bias as $1 to $6, the condition''s values as $7 and $8.';

create or replace function label_batch(of_model integer, of_set text, photo_ids text[]) returns bigint language plpgsql as $$
declare
  model models;
  definition label_definitions;
  written bigint;
  changed bigint;
begin
  perform label_lock(of_model, false);
  select * into model from models where id = of_model;
  for definition in
    select * from label_definitions d where d.model_id = of_model and d.set_name = of_set order by d.state = 'coming'
  loop
    execute label_statement(of_model, cardinality(definition.labels), 'e.photo_id = any ($7)',
        'do update set label = excluded.label, score = excluded.score, scores = excluded.scores
          where (r.label, r.scores) is distinct from (excluded.label, excluded.scores)')
      using definition.version, of_set, definition.labels, definition.prompts, model.logit_scale, model.logit_bias, photo_ids;
    get diagnostics written = row_count;
    changed := coalesce(changed, written);
  end loop;
  if changed is null then
    raise exception 'Label set % is not stored for this model. Run: unsplash-clip label %', of_set, of_set using errcode = 'UC003';
  end if;
  return changed;
end $$;
comment on function label_batch is
  'Labels these photos from their stored embeddings: logit scale x cosine similarity to each prompt + bias, then softmax over the set or sigmoid of each, as the model wants it; the label is the one with the largest. Under a changed definition that is on its way, too. Returns how many labels that readers see were new or other than before.';

create function define_label_set(
  set_name text, template text, labels text[], embeddings vector[], model text default null
) returns text language plpgsql as $$
declare
  of_model constant integer := model_id_of(model);
  of_set constant text := set_name;
  model_dimension integer := (select m.dimension from models m where m.id = of_model);
begin
  if coalesce(cardinality(labels), 0) = 0 or cardinality(labels) is distinct from cardinality(embeddings) then
    raise exception 'one embedding a label expected, found % labels and % embeddings',
      coalesce(cardinality(labels), 0), coalesce(cardinality(embeddings), 0) using errcode = 'UC005';
  end if;
  if exists (select from unnest(embeddings) as prompt
              where (vector_dims(prompt) = model_dimension and vector_norm(prompt) > 0) is not true) then
    raise exception 'the embedding of a prompt has % numbers, as those of the photos, and not all are 0', model_dimension
      using errcode = 'UC005';
  end if;
  perform label_lock(of_model, true);
  if not exists (select from label_sets s where s.model_id = of_model and s.name = of_set) then
    insert into label_sets (model_id, name, template, labels) values (of_model, of_set, template, labels);
    perform set_label_prompts(of_model, of_set, embeddings);
    return 'current';
  end if;
  if exists (select from label_sets s where s.model_id = of_model and s.name = of_set
                and s.template = define_label_set.template and s.labels = define_label_set.labels) then
    return 'current';
  end if;
  if not exists (select from label_changes c where c.model_id = of_model and c.set_name = of_set
                    and c.template = define_label_set.template and c.labels = define_label_set.labels) then
    perform drop_label_change(of_model, of_set);
    insert into label_changes (model_id, set_name, template, labels, prompts)
    values (of_model, of_set, template, labels, embeddings);
  end if;
  return 'coming';
end $$;
comment on function define_label_set is
  'Stores a label set with the embeddings of its prompts, one a label. A new set is current at once, without labels. Another definition of a known one is coming: relabel makes it current. One that was coming before is dropped. Returns current or coming.';

create function set_label_prompts(of_model integer, of_set text, embeddings vector[]) returns void language sql as $$
  delete from label_prompts p where p.model_id = of_model and p.set_name = of_set;
  insert into label_prompts (model_id, set_name, position, label, prompt, embedding)
  select of_model, of_set, new.position, new.label, replace(s.template, '{label}', new.label), new.embedding
    from label_sets s
   cross join unnest(s.labels, embeddings) with ordinality as new (label, embedding, position)
   where s.model_id = of_model and s.name = of_set;
$$;
comment on function set_label_prompts is 'Part of define_label_set and label_switch: the prompts of a set, as its definition has them.';

create function drop_label_change(of_model integer, of_set text) returns boolean language plpgsql as $$
begin
  delete from label_ranges r using label_definitions d
   where r.version = d.version and d.model_id = of_model and d.set_name = of_set;
  delete from label_changes c where c.model_id = of_model and c.set_name = of_set;
  return found;
end $$;
comment on function drop_label_change is 'Part of define_label_set and cancel_relabel: forgets the coming definition of a set. Its labels go with the next sweep_labels.';

create function cancel_relabel(set_name text, model text default null) returns boolean language plpgsql as $$
declare
  of_model constant integer := model_id_of(model);
begin
  perform label_lock(of_model, true);
  return drop_label_change(of_model, set_name);
end $$;
comment on function cancel_relabel is 'Drops the coming definition of a label set; what readers have stays. False when there is none.';

create function label_page(of_model integer, of_set text) returns bigint language plpgsql as $$
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
  execute label_statement(of_model, cardinality(definition.labels), 'e.ctid >= $7 and e.ctid < $8', 'do nothing')
    using definition.version, of_set, definition.labels, definition.prompts, model.logit_scale, model.logit_bias,
          format('(%s,0)', page.first_block)::tid, format('(%s,0)', page.end_block)::tid;
  get diagnostics labelled = row_count;
  return labelled;
end $$;
comment on function label_page is
  'Labels some thousand photos that label_rest has set aside for it; any number of sessions may do so at the same time. Null: nothing is set aside.';

create function label_rest(of_model integer, of_set text, out labelled bigint, out queued bigint) language plpgsql as $$
declare
  at_once constant integer := 5000;
  definition label_definitions;
  photos text[];
  row_bytes integer := (select case when 2 * dimension < 1900 then 2 * dimension + 90 else 110 end from models where id = of_model);
  range_blocks bigint;
begin
  -- One looks, the others wait, and find what it left.
  perform pg_advisory_xact_lock(1668047987, of_model);
  perform label_lock(of_model, false);
  definition := label_definition(of_model, of_set);
  execute 'select array(
      select e.photo_id from embeddings e
       where e.model_id = $1
         and not exists (select from label_rows l where l.version = $2 and l.photo_id = e.photo_id) limit $3)'
    into photos using of_model, definition.version, at_once + 1;
  labelled := 0;
  queued := 0;
  if cardinality(photos) > at_once then
    range_blocks := ceil(at_once / floor(8160.0 / row_bytes));
    insert into label_ranges (version, first_block, end_block)
    select definition.version, first, first + range_blocks
      from (select max(pg_relation_size(relid)) / current_setting('block_size')::bigint as blocks
              from pg_partition_tree(format('embeddings_m%s', of_model)::regclass) where isleaf) as size
     cross join generate_series(0, blocks, range_blocks) as first
    on conflict do nothing;
    get diagnostics queued = row_count;
    return;
  end if;
  if cardinality(photos) > 0 then
    perform label_batch(of_model, of_set, photos);
    labelled := cardinality(photos);
  end if;
  update label_changes c set complete = true where c.version = definition.version;
end $$;
comment on function label_rest is
  'Labels the photos that have no label yet. More than a few thousand are set aside in ranges for label_page: queued says how many, and then it is to be called again.';

create function label_switch(of_model integer, of_set text) returns boolean language plpgsql as $$
declare
  coming label_changes;
begin
  perform label_lock(of_model, true);
  delete from label_changes c where c.model_id = of_model and c.set_name = of_set and c.complete returning * into coming;
  if not found then
    return false;
  end if;
  update label_sets s
     set template = coming.template, labels = coming.labels, version = coming.version, created_at = now()
   where s.model_id = of_model and s.name = of_set;
  perform set_label_prompts(of_model, of_set, coming.prompts);
  return true;
end $$;
comment on function label_switch is
  'Makes the coming definition of a set, with its labels, the one that readers have. False when there is none, or photos may be without label.';

create function sweep_labels() returns bigint language plpgsql as $$
declare
  swept bigint;
begin
  delete from label_ranges r where not exists (select from label_definitions d where d.version = r.version);
  with recursive known as (
    select min(version) as version from label_rows
    union all
    select (select min(l.version) from label_rows l where l.version > known.version) from known where known.version is not null
  )
  delete from label_rows l where l.version = any (array(
    select version from known
    except select version from label_sets
    except select version from label_changes));
  get diagnostics swept = row_count;
  return swept;
end $$;
comment on function sweep_labels is 'Deletes labels of versions that are no more. Readers do not see them anyway.';

create procedure relabel(set_name text, model text default null) language plpgsql as $$
declare
  of_model integer := model_id_of(model);
  more boolean;
begin
  loop
    while label_page(of_model, set_name) is not null loop
      commit;
    end loop;
    select queued > 0 into more from label_rest(of_model, set_name);
    commit;
    exit when not more;
  end loop;
  perform label_switch(of_model, set_name);
  commit;
  perform sweep_labels();
end $$;
comment on procedure relabel is
  'Labels all embedded photos with a label set, in many small transactions, and then makes its coming definition current, if there is one. Broken off, it goes on when it is called again; called in several sessions, they share the work.';

create or replace function label_histogram(set_name text, model text default null)
returns table (label text, photos bigint, share double precision) language sql stable as $$
  select names.label, count(l.version), count(l.version) / nullif(sum(count(l.version)) over (), 0)::double precision
    from label_sets s
   cross join unnest(s.labels) with ordinality as names (label, position)
    left join label_rows l on l.version = s.version and l.label = names.label
   where s.model_id = model_id_of(label_histogram.model) and s.name = label_histogram.set_name
   group by names.label, names.position order by names.position
$$;

create or replace function label_sample(set_name text, size integer, seed bigint default 1, model text default null)
returns table (label text, photo_id text, score real) language sql stable as $$
  select names.label, drawn.photo_id, drawn.score
    from label_sets s
   cross join unnest(s.labels) with ordinality as names (label, position)
   cross join lateral (
      select l.photo_id, l.score, md5(label_sample.seed || ':' || l.photo_id) collate "C" as lot from label_rows l
       where l.version = s.version and l.label = names.label
       order by lot, l.photo_id limit greatest(label_sample.size, 0)) as drawn
   where s.model_id = model_id_of(label_sample.model) and s.name = label_sample.set_name
   order by names.position, drawn.lot, drawn.photo_id
$$;

create or replace function record_outcome(
  batch_id text, of_model integer,
  embedded_ids text[], vectors text[], stored_keys text[],
  failed_ids text[], codes text[], messages text[], attempt_counts integer[],
  set_names text[]
) returns void language plpgsql as $$
declare
  of_set text;
  embedded_anew text[];
begin
  -- One after the other for the same batch, and for the same photo: else one worker could record a failure while another,
  -- unseen, records the embedding. Always in the order of the ids, so that two batches cannot deadlock.
  perform from batches where id = batch_id for update;
  perform from photos where photo_id = any (embedded_ids || failed_ids) order by photo_id for no key update;

  -- Nobody else may be labelling from an embedding that is replaced here: that label would outlive it.
  if exists (select from embeddings e where e.model_id = of_model and e.photo_id = any (embedded_ids)) then
    perform label_lock(of_model, true);
  end if;

  with written as (
    insert into embeddings as e (model_id, photo_id, embedding, stored_key)
    select of_model, photo_id, vector_text::halfvec, key
      from unnest(embedded_ids, vectors, stored_keys) as new (photo_id, vector_text, key)
     order by photo_id collate "C"
    on conflict (model_id, photo_id) do update
       set embedding = excluded.embedding, stored_key = coalesce(excluded.stored_key, e.stored_key)
     where e.embedding is distinct from excluded.embedding
        or (excluded.stored_key is not null and e.stored_key is distinct from excluded.stored_key)
    returning photo_id
  )
  select array_agg(photo_id) into embedded_anew from written;

  -- Labels that were predicted from an embedding that is no more.
  delete from label_rows l
   where l.version = any (array(select d.version from label_definitions d where d.model_id = of_model))
     and l.photo_id = any (embedded_anew);
  delete from failures where model_id = of_model and photo_id = any (embedded_ids);

  insert into failures as f (model_id, photo_id, code, message, attempts)
  select of_model, photo_id, code, message, attempts
    from unnest(failed_ids, codes, messages, attempt_counts) as new (photo_id, code, message, attempts)
   where not exists (select from embeddings e where e.model_id = of_model and e.photo_id = new.photo_id)
   order by photo_id collate "C"
  on conflict (model_id, photo_id) do update
     set code = excluded.code, message = excluded.message, attempts = excluded.attempts, failed_at = now()
   where (f.code, f.message, f.attempts) is distinct from (excluded.code, excluded.message, excluded.attempts);

  foreach of_set in array set_names loop
    perform label_batch(of_model, of_set, embedded_ids);
  end loop;
  perform count_batch(batch_id);
end $$;
