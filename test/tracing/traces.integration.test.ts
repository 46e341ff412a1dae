import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Sandbox } from '../support/cli.js'
import { jpegPhoto } from '../support/images/sample-images.js'
import { startHttp, type TestServer } from '../support/servers/http-server.js'
import { until } from '../support/until.js'
import { type OtlpReceiver, otlpReceiver, type ReceivedSpan } from './otlp-receiver.js'

let collector: OtlpReceiver
let images: TestServer
let sandbox: Sandbox

beforeAll(async () => {
  collector = await otlpReceiver()
  const photo = await jpegPhoto()
  images = await startHttp((_, response) => response.writeHead(200, { 'content-type': 'image/jpeg' }).end(photo))
  sandbox = await Sandbox.create({
    ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_BSP_SCHEDULE_DELAY: '200', ALLOW_HOSTS: images.host },
    ...{ PHOTOS_PER_JOB: '4', LABEL_SETS: 'none', LOG_LEVEL: 'info' },
  })
})
afterAll(async () => {
  await sandbox?.close()
  await images?.close()
  await collector?.close()
})

/** The spans from one to the start of its trace. */
function pathOf(span: ReceivedSpan): string[] {
  const parent = collector.spans.find(({ spanId }) => spanId === span.parentSpanId)
  return [span.name, ...(parent ? pathOf(parent) : [])]
}

/** What writes the rows of embedded photos. */
const rowSpan = (traceId: string) =>
  collector.spans.find(
    ({ traceId: id, attributes }) => id === traceId && /record_outcome/.test(String(attributes['db.query.text'])),
  )

test('one trace leads from the batches that ingest enqueues through the queue and a worker to the rows', async () => {
  const list = join(sandbox.home, 'urls.txt')
  await writeFile(list, [1, 2, 3].map(i => `${images.origin}/${i}.jpg`).join('\n'))
  const [ended] = (await sandbox.run('ingest', list, '--processes', '1', '--json')).objects()
  const enqueued = await until('the span of the batches', () =>
    collector.spans.find(
      ({ name, attributes }) => name === 'enqueue' && attributes['unsplash_clip.run'] === ended!.run,
    ),
  )
  const row = await until('the span of the rows', () => rowSpan(enqueued.traceId))
  expect(pathOf(row)).toEqual([
    ...['postgres', 'write', 'batch'],
    ...['process unsplash-clip', 'addBulk unsplash-clip', 'enqueue'],
  ])
  expect(row).toMatchObject({ kind: 3, service: 'unsplash-clip', attributes: { 'db.system.name': 'postgresql' } })
  const spans = collector.spans.filter(({ traceId }) => traceId === enqueued.traceId)
  const batch = spans.find(({ name }) => name === 'batch')
  expect(batch?.attributes).toMatchObject({ 'unsplash_clip.run': ended!.run, 'unsplash_clip.embedded': 3 })
  expect(spans.filter(({ name }) => name === 'download')).toHaveLength(3)
  // The looks of an idle worker into the queue are no traces of their own.
  const roots = collector.spans.filter(({ parentSpanId }) => parentSpanId === '').map(({ name }) => name)
  expect([...new Set(roots)]).toEqual(['enqueue'])
})

test('a request to the API is in the trace of what it enqueues, with its id, and continues the trace of its client', async () => {
  const { child, finished, stdout, stderr } = sandbox.start('serve', '--port', '0', '--json')
  await once(child.stdout!, 'data')
  const { api } = JSON.parse(stdout()) as { api: string }
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const answer = await fetch(`${api}/ingest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-b7ad6b7169203331-01` },
    body: JSON.stringify({ photos: [{ url: `${images.origin}/of-the-api.jpg` }] }),
  })
  expect(answer.status).toBe(202)
  const search = await fetch(`${api}/photos?k=1`)
  await search.text()
  child.kill('SIGTERM')
  await finished
  expect((await sandbox.run('worker', '--until-idle', '--json')).objects()).toEqual([
    expect.objectContaining({ embedded: 1 }),
  ])
  const row = await until('the span of the rows', () => rowSpan(traceId))
  expect(pathOf(row).slice(-3)).toEqual(['addBulk unsplash-clip', 'enqueue', 'POST /api/v1/ingest'])
  const request = collector.spans.find(({ name }) => name === 'POST /api/v1/ingest')
  expect(request).toMatchObject({
    ...{ kind: 2, traceId, parentSpanId: 'b7ad6b7169203331' },
    attributes: { 'unsplash_clip.request': answer.headers.get('x-request-id'), 'http.response.status_code': 202 },
  })
  const logged = stderr()
    .split('\n')
    .find(line => line.includes('/api/v1/ingest'))
  expect(JSON.parse(logged!)).toMatchObject({ trace: traceId, reqId: answer.headers.get('x-request-id') })
  const other = collector.spans.find(({ name }) => name === 'GET /api/v1/photos')!
  expect(other.attributes['unsplash_clip.request']).toBe(search.headers.get('x-request-id'))
  expect(collector.spans.filter(span => span.traceId === other.traceId).map(({ name }) => name)).toContain('postgres')
})

test('a collector that is away costs a warning, and no work', async () => {
  const away = {
    ...sandbox.environment,
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    OTEL_EXPORTER_OTLP_TIMEOUT: '500',
  }
  const other = await Sandbox.create(away)
  const list = join(other.home, 'urls.txt')
  await writeFile(list, `${images.origin}/away.jpg`)
  const { code, objects } = await other.run('ingest', list, '--processes', '1', '--json')
  expect([code, objects()[0]]).toEqual([0, expect.objectContaining({ enqueuedPhotos: 1 })])
  await other.close()
})

test('without a collector nothing of OpenTelemetry is loaded', async () => {
  const hook = join(sandbox.home, 'loaded.mjs')
  const load = `import { writeSync } from 'node:fs'
    export async function load(url, context, next) {
      if (/opentelemetry|bullmq-otel/.test(url)) writeSync(2, 'LOADED ' + url + '\\n')
      return next(url, context)
    }`
  await writeFile(
    hook,
    `import { register } from 'node:module'\nregister('data:text/javascript,' + ${JSON.stringify(encodeURIComponent(load))})`,
  )
  const loads = async (endpoint: string) => {
    const NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import=${hook}`
    const other = await Sandbox.create({ ...sandbox.environment, NODE_OPTIONS, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })
    const { stderr, code } = await other.run('status', '--json')
    await other.close()
    expect(code).toBe(0)
    return stderr.includes('LOADED')
  }
  expect([await loads(''), await loads(collector.endpoint)]).toEqual([false, true])
})
