import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FolderStore } from '../../../src/storage/folder-store.js'
import { freshDatabases } from '../../db/fresh-databases.js'
import { randomNumbers } from '../../support/random-numbers.js'
import { embeddedServer } from '../../support/servers/postgres.js'
import { plantPhotos, removeStore, startApi, type TestApi } from '../support.js'
import { MalformedRequests } from './malformed-requests.js'

/** MALFORMED_REQUESTS=20000 before a release, with other seeds. */
const REQUESTS = Number(process.env.MALFORMED_REQUESTS ?? 2000)
const SEED = Number(process.env.MALFORMED_SEED ?? 1)
const AT_ONCE = 16
const SILENCE_MS = 30_000
const PATIENCE_MS = 500
const ERROR_LEVEL = 50

const fresh = freshDatabases(embeddedServer)
let store: FolderStore | undefined
let api: TestApi

beforeAll(async () => {
  const { database, modelId } = await fresh()
  store = await plantPhotos(database, modelId)
  api = await startApi(database, store)
})
afterAll(async () => {
  await api?.close()
  removeStore(store)
})

/** Sends bytes on a connection of their own. @returns all that comes back until the server closes it */
function send(bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(api.server.url)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    const answer: Buffer[] = []
    // A request that announces more than it has is over when its client has nothing more to say.
    const over = setTimeout(() => socket.end(), PATIENCE_MS)
    socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error(`no answer within ${SILENCE_MS} ms`)))
    socket.on('data', data => answer.push(data))
    // The server may close while it is still sent to.
    socket.on('error', error => {
      if (['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '')) socket.destroy()
      else reject(error)
    })
    socket.once('close', () => {
      clearTimeout(over)
      resolve(Buffer.concat(answer).toString('latin1'))
    })
    socket.once('end', () => socket.end())
    socket.write(bytes)
  })
}

const STATUS = /^HTTP\/1\.1 (\d{3})/

test(`answers ${REQUESTS} malformed requests without a failure of its own, and then well-formed ones`, {
  timeout: 120_000 + 100 * REQUESTS,
}, async () => {
  const requests = new MalformedRequests(randomNumbers(SEED))
  const statuses = new Map<string, number>()
  for (let sent = 0; sent < REQUESTS; sent += AT_ONCE) {
    // Batches that nobody takes would fill the queue.
    api.queue.batches.clear()
    const batch = Array.from({ length: Math.min(AT_ONCE, REQUESTS - sent) }, () => requests.next())
    const answers = await Promise.all(batch.map(send))
    for (const [index, answer] of answers.entries()) {
      const status = STATUS.exec(answer)?.[1] ?? 'none'
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      const asked = `seed ${SEED}, request ${sent + index}: ${JSON.stringify(batch[index]!.toString('latin1').slice(0, 2000))}`
      expect(answer, asked).toMatch(/^(HTTP\/1\.1 [1-4]\d\d|$)/)
      // Node itself answers to a request without Host, and sends nothing with its status.
      if (/^HTTP\/1\.1 4/.test(answer) && !answer.endsWith('\r\n\r\n'))
        expect(answer, asked).toMatch(/\r\ncontent-type: application\/problem\+json\r\n/i)
    }
  }
  expect(api.log.filter(line => JSON.parse(line).level >= ERROR_LEVEL)).toEqual([])
  // The requests are not all refused for the same reason.
  expect([...statuses.keys()]).toEqual(expect.arrayContaining(['200', '400', '404', '405', '415', '422', '431']))
  expect((await api.get('/search?q=snow')).status).toBe(200)
})
