// The size of waiting batches in Redis, and the speed of looking up and adding rounds of them
//
//   npm run bench -- queue redis://127.0.0.1:6379/15
//
// The database must be empty, and nobody else may use the server meanwhile: the memory is that of the whole server.
// Batches have 64 photos with ids and URLs like those of the Unsplash dataset.
import { randomBytes, randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { openRedisQueue } from '../dist/queue/redis-backend.js'
import { readOptions, report } from './support/report.mjs'

const PHOTOS = 64
const options = readOptions({}, { allowPositionals: true })
const [url] = options.positionals
const client = new Redis(url)
if ((await client.dbsize()) > 0) throw new Error(`${url} is not empty`)
const queue = await openRedisQueue({ url, name: 'bench' })

const memory = []
const speed = []
const before = await usedBytes()
let added = 0
for (const waiting of [1000, 5000]) {
  for (; added < waiting; added += 8) await queue.add(Array.from({ length: 8 }, batch))
  const bytes = (await usedBytes()) - before
  const payloadBytes = JSON.stringify(batch()).length
  memory.push({ waiting, bytes, 'bytes a batch': Math.round(bytes / waiting), 'of them payload': payloadBytes })
}

for (const round of [8, 64]) {
  for (const bulk of [false, true]) {
    const seconds = await timed(async () => {
      for (let i = 0; i < 2048; i += round) {
        const batches = Array.from({ length: round }, batch)
        const ids = batches.map(({ id }) => id)
        if (bulk) await queue.states(ids)
        else for (const id of ids) await queue.state(id)
        await queue.add(batches)
      }
    })
    speed.push({
      'batches a round': round,
      'looked up': bulk ? 'at once' : 'one by one',
      'batches/s': Math.round(2048 / seconds),
    })
  }
}
await queue.close()
await client.flushdb()
client.disconnect()
report(options, {
  bench: 'queue',
  tables: [
    { title: 'Memory of waiting batches', rows: memory },
    { title: 'Rounds looked up and added', rows: speed },
  ],
})

async function usedBytes() {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))[1])
}

async function timed(work) {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

function batch() {
  const id = randomBytes(16).toString('hex')
  const photos = Array.from({ length: PHOTOS }, () => ({
    id: randomBytes(8).toString('base64url'),
    url: `https://images.unsplash.com/photo-${1400000000000 + Math.floor(Math.random() * 3e11)}-${randomBytes(6).toString('hex')}?w=640&fm=jpg&q=85&fit=max`,
  }))
  const labelSets = ['taken_time', 'taken_space']
  const of = {
    model: 'clip-vit-b-32@fp32',
    revision: randomBytes(20).toString('hex'),
    store: true,
    labelSets,
    attempt: 1,
  }
  return { id, parentId: id, runId: randomUUID(), ...of, photos }
}
