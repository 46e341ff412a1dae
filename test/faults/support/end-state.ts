import { Redis } from 'ioredis'
import { Client } from 'pg'
import type { ObjectStore } from '../../../src/domain/ports/object-store.js'
import { cosineSimilarity } from '../../../src/domain/similarity.js'

/** The same photo encoded in a batch of another size may differ in the last bits. */
const LEAST_SIMILARITY = 0.999

/** All that a pipeline leaves behind, by keys that two undisturbed pipelines have in common. */
export interface EndState {
  /** Ids, in order. */
  photos: string[]
  /** `MODEL PHOTO` to embedding and key of the copy. */
  embeddings: Map<string, { embedding: number[]; storedKey: string | null }>
  /** `MODEL PHOTO SET` to label. */
  labels: Map<string, string>
  /** `MODEL PHOTO` to code. */
  failures: Map<string, string>
  /** Keys in the object store, with what is in them, in order. */
  objects: Map<string, string>
  /** Batches of runs that are not settled, which must be none. */
  unsettledBatches: number
  /** What is left of jobs in the queue, which must be nothing. */
  jobs: string[]
}

/** What a disturbed pipeline did otherwise than the undisturbed one. */
export interface Differences {
  /** Rows and objects that are missing, or that hold something else. */
  lost: string[]
  /** Rows, objects and jobs that should not be there. */
  surplus: string[]
}

export async function readRows(databaseUrl: string): Promise<Omit<EndState, 'objects' | 'jobs'>> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const rows = async <Row>(sql: string) => (await client.query(sql)).rows as Row[]
    const model = `m.name || '@' || m.precision || '@' || m.revision`
    const embeddings = await rows<{ key: string; embedding: string; stored_key: string | null }>(
      `select ${model} || ' ' || photo_id as key, embedding::text, stored_key
         from embeddings e join models m on m.id = e.model_id order by 1`,
    )
    const labels = await rows<{ key: string; label: string }>(
      `select ${model} || ' ' || photo_id || ' ' || set_name as key, label
         from photo_labels l join models m on m.id = l.model_id order by 1`,
    )
    const failures = await rows<{ key: string; code: string }>(
      `select ${model} || ' ' || photo_id as key, code
         from failures f join models m on m.id = f.model_id order by 1`,
    )
    const photos = await rows<{ photo_id: string }>('select photo_id from photos order by photo_id')
    const [batches] = await rows<{ unsettled: number }>(
      'select count(*)::int as unsettled from batches where settled_at is null',
    )
    return {
      photos: photos.map(row => row.photo_id),
      embeddings: new Map(
        embeddings.map(row => [
          row.key,
          { embedding: JSON.parse(row.embedding) as number[], storedKey: row.stored_key },
        ]),
      ),
      labels: new Map(labels.map(row => [row.key, row.label])),
      failures: new Map(failures.map(row => [row.key, row.code])),
      unsettledBatches: batches!.unsettled,
    }
  } finally {
    await client.end()
  }
}

export async function readObjects(store: ObjectStore): Promise<Map<string, string>> {
  const keys: string[] = []
  for await (const key of store.list()) keys.push(key)
  const objects = new Map<string, string>()
  for (const key of keys.sort()) objects.set(key, ((await store.get(key)) ?? Buffer.alloc(0)).toString('base64'))
  return objects
}

/** Jobs, and the lists that name them. What BullMQ keeps of a queue itself (meta, events, markers) is not of a job. */
export async function readRedisJobs(url: string, queueName: string): Promise<string[]> {
  const client = new Redis(url)
  try {
    const keys = await client.keys(`*${queueName}*`)
    const ofJobs = /:(b[0-9a-f]{32}(:.*)?|wait|active|paused|prioritized|delayed|failed|completed|stalled)$/
    return keys.filter(key => ofJobs.test(key)).sort()
  } finally {
    client.disconnect()
  }
}

export async function readPostgresJobs(databaseUrl: string, queueName: string): Promise<string[]> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ id: string; state: string }>(
      'select id, state::text from bullmq.job where queue = $1 order by id',
      [queueName],
    )
    return rows.map(row => `${row.id} (${row.state})`)
  } finally {
    await client.end()
  }
}

export function compareStates(found: EndState, expected: EndState): Differences {
  const lost = [
    ...missing('photo', expected.photos, new Set(found.photos)),
    ...missing('embedding', expected.embeddings.keys(), found.embeddings),
    ...missing('label', expected.labels.keys(), found.labels),
    ...missing('failure', expected.failures.keys(), found.failures),
    ...missing('object', expected.objects.keys(), found.objects),
    ...changed('label', expected.labels, found.labels),
    ...changed('failure', expected.failures, found.failures),
    ...changed('object', expected.objects, found.objects),
    ...changedEmbeddings(expected, found),
  ]
  const surplus = [
    ...missing('photo', found.photos, new Set(expected.photos)),
    ...missing('embedding', found.embeddings.keys(), expected.embeddings),
    ...missing('label', found.labels.keys(), expected.labels),
    ...missing('failure', found.failures.keys(), expected.failures),
    ...missing('object', found.objects.keys(), expected.objects),
    ...found.jobs.map(job => `job ${job}`),
    ...(found.unsettledBatches > 0 ? [`${found.unsettledBatches} unsettled batches`] : []),
  ]
  return { lost, surplus }
}

interface Keyed {
  has(key: string): boolean
}

function missing(what: string, wanted: Iterable<string>, present: Keyed): string[] {
  return [...wanted].filter(key => !present.has(key)).map(key => `${what} ${key}`)
}

function changed(what: string, expected: Map<string, string>, found: Map<string, string>): string[] {
  return [...expected]
    .filter(([key, value]) => found.has(key) && found.get(key) !== value)
    .map(([key]) => `${what} ${key} is another`)
}

function changedEmbeddings(expected: EndState, found: EndState): string[] {
  return [...expected.embeddings].flatMap(([key, { embedding, storedKey }]) => {
    const other = found.embeddings.get(key)
    if (other === undefined) return []
    const isSame = cosineSimilarity(embedding, other.embedding) > LEAST_SIMILARITY && other.storedKey === storedKey
    return isSame ? [] : [`embedding ${key} is another`]
  })
}
