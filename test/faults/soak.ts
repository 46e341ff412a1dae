import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import type { Command } from './support/command.js'
import type { EndState } from './support/end-state.js'
import { photoId } from './support/image-server.js'
import { childrenNamed, memoryOfTree } from './support/memory.js'
import type { Mood } from './support/moody-server.js'
import { installOtherRevision } from './support/other-model.js'
import type { Pipeline } from './support/pipeline.js'
import { Stage } from './support/stage.js'

const SECOND = 1000
const MINUTE = 60 * SECOND
const FLAP_MS = 2 * SECOND
const MOODS: Mood[] = ['refuse', 'error', 'reset', 'hang', 'slow-down']
/** Images that differ; with more photos they come again. */
const DISTINCT = 1000

export interface SoakOptions {
  photos: number
  workers: number
  /** Gives up after so long. */
  minutes: number
  /** Between two kills of a worker. The first worker is never killed: its memory is looked at over the whole time. */
  killSeconds: number
  redisSeconds: number
  postgresSeconds: number
  flapSeconds: number
  sampleSeconds: number
  photosPerJob: number
}

interface Sample {
  seconds: number
  settled: number
  redisKeys: number
  /** MiB by kind of process. */
  memory: Record<string, number>
}

export interface SoakReport {
  photos: number
  seconds: number
  photosPerSecond: number
  events: Record<string, number>
  lost: number
  duplicates: number
  differences: string[]
  jobsLeft: number
  redisKeys: { most: number; atTheEnd: number }
  /** Mean of the first and the last quarter of the time, in MiB. */
  memory: Record<string, { first: number; last: number }>
}

/**
 * Many photos through real worker processes while workers are killed, servers restarted and images cannot be had. The
 * vision model is one that only picks pixels, so that everything but the encoder is as busy as it gets.
 */
export async function soak(options: SoakOptions, onProgress: (line: string) => void): Promise<SoakReport> {
  const stage = await Stage.open()
  try {
    stage.images.distinct = DISTINCT
    const packageFolder = join(stage.folder, 'quick-package')
    await installOtherRevision(packageFolder)
    const expected = await stage.undisturbed(Math.min(DISTINCT, options.photos), { packageFolder })
    onProgress(`undisturbed: ${expected.embeddings.size} photos, to compare with`)
    return await disturb(stage, packageFolder, expected, options, onProgress)
  } finally {
    await stage.close()
  }
}

async function disturb(
  stage: Stage,
  packageFolder: string,
  expected: EndState,
  options: SoakOptions,
  onProgress: (line: string) => void,
): Promise<SoakReport> {
  const { photos, workers, photosPerJob } = options
  const pipeline = await stage.pipeline({
    photos,
    settings: { PHOTOS_PER_JOB: String(photosPerJob), RETRY_BASE_MS: '500', MAX_ATTEMPTS: '8' },
  })
  const startedAt = Date.now()
  const spared = pipeline.crew(1, { packageFolder })
  const others = pipeline.crew(workers - 1, { packageFolder })
  const producer = await pipeline.ingest({ packageFolder })

  const ended = new AbortController()
  const events: Record<string, number> = {}
  const every = async (name: string, seconds: number, act: () => Promise<unknown>) => {
    if (seconds <= 0) return
    for (;;) {
      await pause(seconds * SECOND, undefined, { signal: ended.signal }).catch(() => {})
      if (ended.signal.aborted) return
      await act()
      events[name] = (events[name] ?? 0) + 1
    }
  }
  let flaps = 0
  const samples: Sample[] = []
  const faults = [
    every('worker killed', options.killSeconds, async () => others.workers.length > 0 && others.random().kill()),
    every('Redis killed and restarted', options.redisSeconds, async () => {
      await stage.redis.kill()
      await stage.redis.restart()
    }),
    every('Postgres killed and restarted', options.postgresSeconds, async () => {
      await stage.postgres.kill()
      await stage.postgres.restart()
    }),
    every('image server flapped', options.flapSeconds, async () => {
      await stage.images.server.become(MOODS[flaps++ % MOODS.length]!)
      await pause(FLAP_MS)
      await stage.images.server.become('well')
    }),
  ]
  const sampling = every('sample', options.sampleSeconds, async () => {
    const one = await sample(pipeline, { producer: [producer], spared: spared.workers, killed: others.workers })
    if (one === null) return
    samples.push({ ...one, seconds: (Date.now() - startedAt) / SECOND })
    if (samples.length % 10 === 0) onProgress(`${one.settled} photos, ${one.redisKeys} keys in Redis`)
  })
  const deadline = pause(options.minutes * MINUTE, null, { signal: ended.signal }).catch(() => null)
  const outcome = await Promise.race([producer.ended, deadline])
  const seconds = (Date.now() - startedAt) / SECOND
  ended.abort()
  await Promise.all([...faults, sampling])
  delete events.sample
  if (outcome === null || outcome.code !== 0)
    onProgress(`The producer ${outcome === null ? 'is not done' : `ended with ${outcome.code}: ${outcome.stderr}`}`)
  else await pipeline.isIdle()
  await spared.stop()
  await others.stop()

  const differences = await compare(pipeline, expected)
  const { jobs } = await pipeline.leftInQueue()
  return {
    photos,
    seconds,
    photosPerSecond: ((await pipeline.settled()) ?? 0) / seconds,
    events,
    ...differences,
    jobsLeft: jobs.length,
    redisKeys: {
      most: Math.max(0, ...samples.map(one => one.redisKeys)),
      atTheEnd: (await redisKeys(stage.redis.url)) ?? 0,
    },
    memory: quarters(samples),
  }
}

/** Null while a server does not answer. */
async function sample(
  pipeline: Pipeline,
  commands: Record<string, readonly Command[]>,
): Promise<Omit<Sample, 'seconds'> | null> {
  const [settled, keys] = await Promise.all([pipeline.settled(), redisKeys(pipeline.stage.redis.url)])
  if (settled === null || keys === null) return null
  const memory: Record<string, number> = {}
  const note = (kind: string, pids: number[]) => {
    if (pids.length > 0) memory[kind] = pids.reduce((sum, pid) => sum + memoryOfTree(pid), 0) / pids.length
  }
  for (const [kind, some] of Object.entries(commands))
    note(
      kind,
      some.filter(one => one.isRunning()).map(one => one.child.pid!),
    )
  note('redis', childrenNamed('redis-server'))
  note('postgres', childrenNamed('postgres'))
  return { settled, redisKeys: keys, memory }
}

async function redisKeys(url: string): Promise<number | null> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
  client.on('error', () => {})
  try {
    await client.connect()
    return await client.dbsize()
  } catch {
    return null
  } finally {
    client.disconnect()
  }
}

function quarters(samples: Sample[]): SoakReport['memory'] {
  const kinds = [...new Set(samples.flatMap(one => Object.keys(one.memory)))]
  const quarter = Math.max(1, Math.floor(samples.length / 4))
  const mean = (part: Sample[], kind: string) => {
    const values = part.flatMap(one => one.memory[kind] ?? [])
    return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  }
  return Object.fromEntries(
    kinds.map(kind => [
      kind,
      { first: mean(samples.slice(0, quarter), kind), last: mean(samples.slice(-quarter), kind) },
    ]),
  )
}

/** Compares every row with that of the photo that looks the same, where the rows are: in the database. */
async function compare(
  pipeline: Pipeline,
  expected: EndState,
): Promise<{ lost: number; duplicates: number; differences: string[] }> {
  const { photos } = pipeline
  const differences: string[] = []
  const note = (what: string, count: number): number => {
    if (count !== 0) differences.push(`${count} ${what}`)
    return count
  }
  const client = new Client({ connectionString: pipeline.databaseUrl })
  await client.connect()
  try {
    const count = async (sql: string) => Number((await client.query<{ count: string }>(sql)).rows[0]!.count)
    await client.query('create temporary table expected_embeddings (photo_id text primary key, embedding vector)')
    await client.query('create temporary table expected_labels (photo_id text, set_name text, label text)')
    const ofModel = [...expected.embeddings].map(([key, { embedding }]) => [key.split(' ')[1]!, embedding] as const)
    await client.query('insert into expected_embeddings select * from unnest($1::text[], $2::vector[])', [
      ofModel.map(([id]) => id),
      ofModel.map(([, embedding]) => JSON.stringify(embedding)),
    ])
    const labels = [...expected.labels].map(([key, label]) => [...key.split(' ').slice(1), label])
    await client.query('insert into expected_labels select * from unnest($1::text[], $2::text[], $3::text[])', [
      labels.map(([id]) => id),
      labels.map(([, set]) => set),
      labels.map(([, , label]) => label),
    ])
    const twin = (id: string) =>
      `'photo-' || lpad((substr(${id}, 7)::int % ${Math.min(DISTINCT, photos)})::text, 6, '0')`
    const embedded = await count('select count(*) from embeddings')
    const alike = await count(
      `select count(*) from embeddings e join expected_embeddings x on x.photo_id = ${twin('e.photo_id')}
        where (e.embedding::vector <=> x.embedding) < 1e-3 and e.stored_key is not null`,
    )
    const labelled = await count('select count(*) from photo_labels')
    const labelledAlike = await count(
      `select count(*) from photo_labels l
         join expected_labels x on x.photo_id = ${twin('l.photo_id')} and x.set_name = l.set_name and x.label = l.label`,
    )
    const sets = new Set(labels.map(([, set]) => set)).size
    const objects = await pipeline.objectKeys()
    const wanted = new Set(Array.from({ length: photos }, (_, i) => photoId(i)))
    const kept = objects.filter(key => wanted.has(/photo-\d+/.exec(key)?.[0] ?? ''))
    const lost =
      note('photos without the right embedding', Math.max(0, photos - alike)) +
      note('labels missing or wrong', Math.max(0, sets * photos - labelledAlike)) +
      note('copies missing', Math.max(0, photos - kept.length))
    const duplicates =
      note('embeddings too many', Math.max(0, embedded - photos)) +
      note('labels too many', Math.max(0, labelled - sets * photos)) +
      note('failures', await count('select count(*) from failures')) +
      note('unsettled batches', await count('select count(*) from batches where settled_at is null')) +
      note('objects of nobody', objects.length - kept.length)
    return { lost, duplicates, differences }
  } finally {
    await client.end()
  }
}
