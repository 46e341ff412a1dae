/** Statements of the ingest repository. Work with several statements is a function in `migrations/`. */

/** Columns of `models`, named as in ModelIdentity. */
export const MODEL =
  'id, name, precision, revision, dimension, scoring, logit_scale as "logitScale", logit_bias as "logitBias"'

export const REGISTER_MODEL = 'select register_model($1, $2, $3, $4, $5, $6, $7) as id'

export const FIND_MODEL = `
  select ${MODEL} from models where name = $1 and ($2::text is null or precision = $2) order by id desc limit 1`

/** Id of the model of searches that name none. Null in a database without embeddings. */
export const SEARCHED_MODEL_ID = 'searched_model_id()'

export const LATEST_MODEL = `select ${MODEL} from models where id = ${SEARCHED_MODEL_ID}`

export const PHOTO_STATES = `
  select photo_id, true as embedded from embeddings where model_id = $1 and photo_id = any ($2::text[])
  union all
  select photo_id, false from failures where model_id = $1 and photo_id = any ($2::text[])`

/** $3: the run that refreshes. */
export const REFRESH_STATES = `
  select v.photo_id, v.outcome <> 'failed' as embedded
    from photo_versions v join embeddings e on e.model_id = v.model_id and e.photo_id = v.photo_id
   where v.model_id = $1 and v.photo_id = any ($2::text[]) and v.checked_at >= (select created_at from runs where id = $3)
  union all
  select f.photo_id, false from failures f where f.model_id = $1 and f.photo_id = any ($2::text[])`

export const EMBEDDED_VERSIONS = `
  select e.photo_id as "photoId", e.stored_key is not null as "hasCopy", encode(v.url_hash, 'base64') as "urlHash", v.etag,
         v.last_modified as "lastModified", v.length, encode(v.digest, 'base64') as digest
    from embeddings e left join photo_versions v on v.model_id = e.model_id and v.photo_id = e.photo_id
   where e.model_id = $1 and e.photo_id = any ($2::text[])`

export const CREATE_RUN = `
  insert into runs (id, model_id, source, options, priority, label_sets, producer_seen_at)
  values ($1, $2, $3, $4, $5, $6, now())
  on conflict (id) do nothing`

export const FINISH_ENQUEUE = 'update runs set enqueued_at = now() where id = $1 and enqueued_at is null'

/** $1: [{id, run_id, kind, photo_ids}] as JSON. Returns the ids of batches that a worker had parked or dropped. */
export const ADD_BATCHES = 'select add_batches($1::jsonb) as id'

export const RECORD_OUTCOME = `
  select record_outcome($1, $2, $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::integer[],
                        $10::text[], $11::jsonb, $12::jsonb, $13::text[], $14::jsonb)`

const RUN_PROGRESS = `
  select run_id as id, model as "modelKey", source, created_at as "createdAt", enqueued_at as "enqueuedAt", photos::bigint,
         done::bigint, failed::bigint, state, priority, given_up_batches as "givenUpBatches",
         photos_per_second as "photosPerSecond", given_up_photos::bigint as "givenUpPhotos",
         parked_batches as "parkedBatches", parked_photos::bigint as "parkedPhotos", open_batches as "openBatches"
    from run_progress`
export const RUN = `${RUN_PROGRESS} where run_id = $1`
export const RUNS = `${RUN_PROGRESS} where $2 or state not in ('interrupted', 'done') or photos > 0 order by position desc limit $1`

export const TOTALS = `
  select (select count(*) from photos) as photos,
         (select count(*) from embeddings where model_id = $1) as embedded,
         (select count(*) from failures where model_id = $1) as failed,
         (select count(*) from photo_labels where model_id = $1) as labels`

export const FAILURE_GROUPS = `
  select code, count(*) as photos, min(photo_id) as "photoId",
         (array_agg(message order by photo_id))[1] as message,
         (select photo_image_url from photos p where p.photo_id = min(f.photo_id)) as url
    from failures f where model_id = $1 group by code order by count(*) desc, code`

export const MISSING_PHOTOS = `
  select p.photo_id as id, p.photo_image_url as url, u.template from photos p
    left join photo_templates t on t.photo_id = p.photo_id left join url_templates u on u.id = t.template_id
   where p.photo_id > $2 and p.photo_image_url <> ''
     and not exists (select from embeddings e where e.model_id = $1 and e.photo_id = p.photo_id)
   order by p.photo_id limit $3`

/** With the copy that was stored last. */
export const COPIED_PHOTOS = `
  select distinct on (c.photo_id) c.photo_id as id, c.stored_key as key from embeddings c
   where c.photo_id > $2 and c.stored_key is not null
     and not exists (select from embeddings e where e.model_id = $1 and e.photo_id = c.photo_id)
   order by c.photo_id, c.created_at desc limit $3`

export const FAILED_COPIES = `
  select distinct on (f.photo_id) f.photo_id as id, c.stored_key as key
    from failures f join embeddings c on c.photo_id = f.photo_id
   where f.model_id = $1 and ($4::text is null or f.code = $4) and f.photo_id > $2 and c.stored_key is not null
   order by f.photo_id, c.created_at desc limit $3`

export const FAILED_PHOTOS = `
  select f.photo_id as id, p.photo_image_url as url, u.template from failures f join photos p on p.photo_id = f.photo_id
    left join photo_templates t on t.photo_id = p.photo_id left join url_templates u on u.id = t.template_id
   where f.model_id = $1 and ($2::text is null or f.code = $2) and f.photo_id > $3
     and ($5::text is null or f.photo_id in (select unnest(b.photo_ids) from batches b where b.run_id = $5))
   order by f.photo_id limit $4`

export const HAS_TEMPLATES = 'select exists (select from photo_templates) as has'
export const REMEMBER_TEMPLATE = 'select remember_template($1::text[], $2)'

export const CLEAR_FAILURES = 'delete from failures where model_id = $1 and photo_id = any ($2::text[])'
