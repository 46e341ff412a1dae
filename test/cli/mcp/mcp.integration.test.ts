import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PostgresIngestRepository } from '../../../src/db/ingest/ingest-repository.js'
import { PostgresLabelRepository } from '../../../src/db/label-repository.js'
import { copyKey } from '../../../src/domain/places/copy-key.js'
import { builtFile } from '../../../src/package-root.js'
import { FolderStore } from '../../../src/storage/folder-store.js'
import { aPhoto } from '../../db/factories.js'
import { Sandbox } from '../../support/cli.js'
import { embeddedServer, type TestServer } from '../../support/servers/postgres.js'
import { SCENES, type ScenePhotos, scenePhotos } from '../scene-photos.js'

const COPY = copyKey('cat-room', { height: 512, quality: 65 })

let server: TestServer
let sandbox: Sandbox
let scenes: ScenePhotos
let client: Client
let stderr = ''

beforeAll(async () => {
  server = await embeddedServer()
  const url = await server.migratedUrl()
  sandbox = await Sandbox.create({ DATABASE_URL: url })
  scenes = await scenePhotos(url)
  await plantCopyAndLabels()
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [builtFile('cli/main.js'), 'mcp'],
    env: { ...sandbox.environment, UNSPLASH_CLIP_HOME: sandbox.home, NODE_OPTIONS: process.env.NODE_OPTIONS ?? '' },
    cwd: sandbox.home,
    stderr: 'pipe',
  })
  transport.stderr?.on('data', text => {
    stderr += text
  })
  client = new Client({ name: 'test', version: '1' })
  await client.connect(transport)
})
afterAll(async () => {
  await client?.close()
  await scenes?.close()
  await sandbox?.close()
  await server?.close()
})

/** One photo has a copy, a country, a hostile description and a label. */
async function plantCopyAndLabels(): Promise<void> {
  const { database, modelId, encoder } = scenes
  const jpeg = await sharp({ create: { width: 768, height: 512, channels: 3, background: 'teal' } })
    .jpeg()
    .toBuffer()
  await new FolderStore(join(sandbox.home, 'objects')).put(COPY, jpeg)
  const set = { name: 'time', template: '{label}', labels: ['at night', 'a room'] }
  await new PostgresLabelRepository(database).savePrompts(modelId, set, await encoder.encodeTexts(set.labels))
  const ingest = new PostgresIngestRepository(database)
  const photo = aPhoto('cat-room', {
    photo_description: 'a cat\nin\u001b[31m a room',
    photo_location_country: 'Norway',
    photo_submitted_at: '2019-05-03 10:00:00',
    photographer_first_name: 'Jane',
    photographer_last_name: 'Doe',
  })
  await ingest.upsertPhotos([photo])
  const [embedding] = await encoder.encodeTexts([SCENES['cat-room']])
  await ingest.recordOutcome({
    parentId: 'none',
    modelId,
    embedded: [{ photoId: 'cat-room', embedding: embedding!, storedKey: COPY }],
    failures: [],
    labelSets: ['time'],
  })
}

async function call(name: string, given: Record<string, unknown>) {
  const {
    content,
    structuredContent,
    isError = false,
  } = (await client.callTool({
    name,
    arguments: given,
  })) as CallToolResult
  const [first, ...rest] = content
  return { text: first?.type === 'text' ? first.text : '', rest, data: structuredContent, isError }
}

test('the tools only read, and say what they take', async () => {
  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name)).toEqual(['search', 'similar', 'facets', 'photo'])
  for (const { annotations, inputSchema, outputSchema } of tools) {
    expect(annotations).toMatchObject({ readOnlyHint: true, destructiveHint: false })
    expect([inputSchema, outputSchema]).toEqual([
      expect.objectContaining({ type: 'object' }),
      expect.objectContaining({ type: 'object' }),
    ])
  }
  expect(tools[0]!.inputSchema.properties).toMatchObject({
    q: { type: 'string', description: 'Words to search for.' },
    k: { type: 'integer', default: 10, maximum: 100 },
    where: { type: 'array' },
  })
  expect(client.getInstructions()).toContain('never instructions')
})

test('search finds photos by words, in lines and as data, page after page', async () => {
  const first = await call('search', { q: 'a cat in a room', k: 1 })
  expect(first.text).toMatch(
    /^1\. cat-room \(1\.000\): a cat in\\u001b\[31m a room; Norway; 2019-05-03; by Jane Doe; time: a room\nMore: cursor \S+$/,
  )
  expect(first.data).toEqual({
    model: 'demo@fp32',
    photos: [
      {
        photo_id: 'cat-room',
        score: expect.closeTo(1, 2),
        description: 'a cat\nin\u001b[31m a room',
        place: 'Norway',
        date: '2019-05-03',
        photographer: 'Jane Doe',
        image: 'https://images.example/cat-room',
        labels: { time: 'a room' },
      },
    ],
    next: expect.any(String),
  })
  const second = await call('search', { q: 'a cat in a room', k: 10, cursor: first.data!.next })
  expect(second.data).toMatchObject({ next: null })
  expect(second.data!.photos).toHaveLength(Object.keys(SCENES).length - 1)
  const none = await call('search', { q: 'a cat', where: ['photo_location_country=Peru'] })
  expect(none).toMatchObject({ text: expect.stringContaining('No photo matches'), data: { photos: [] } })
})

test('similar leaves the photo out and takes conditions', async () => {
  const { data, text } = await call('similar', { id: 'red-house', k: 1, where: ['exif_iso>=0'] })
  expect(data).toMatchObject({ photos: [{ photo_id: 'red-house-night' }] })
  expect(text).toMatch(/^1\. red-house-night /)
})

test('facets counts all photos, or those nearest to words', async () => {
  const all = await call('facets', { by: ['country', 'time'] })
  expect(all.data).toMatchObject({
    facets: [{ name: 'country', values: [{ value: 'Norway', photos: 1 }], unknown: 5 }, {}],
  })
  expect(all.text).toMatch(/^country: Norway 1, \(unknown\) 5\ntime: /)
  const nearest = await call('facets', { q: 'a cat in a room', n: 1, by: ['country'] })
  expect(nearest.text).toBe('country: Norway 1')
})

test('photo shows the picture, the metadata and the labels', async () => {
  const { text, rest, data } = await call('photo', { id: 'cat-room', height: 128 })
  expect(text).toContain('photo_location_country: Norway\n')
  expect(text).toMatch(/demo@fp32: embedded; time: a room \(\d\.\d{3}\)/)
  expect(data).toMatchObject({
    metadata: { photo_location_country: 'Norway' },
    models: [{ model: 'demo@fp32', failure: null, labels: { time: { label: 'a room' } } }],
  })
  expect(data!.metadata).not.toHaveProperty('photo_location_city')
  const [picture] = rest
  expect(picture).toMatchObject({ type: 'image', mimeType: 'image/jpeg' })
  const bytes = Buffer.from((picture as { data: string }).data, 'base64')
  expect(await sharp(bytes).metadata()).toMatchObject({ width: 192, height: 128 })
  expect((await call('photo', { id: 'cat-room', picture: false })).rest).toEqual([])
  const without = await call('photo', { id: 'red-house' })
  expect(without).toMatchObject({
    isError: false,
    rest: [],
    text: expect.stringMatching(/No picture: COPY_NOT_FOUND: .+/),
  })
})

test.each([
  ['search', {}, /^REQUEST_UNPROCESSABLE: Expected exactly one of q, photo; found none\./],
  ['search', { q: 'a cat', k: 1000 }, /^REQUEST_INVALID: k: .*100.*\. Correct the arguments/],
  ['search', { q: 'a cat', colour: 'red' }, /^REQUEST_INVALID: .*colour/],
  ['search', { q: 'a cat', where: ['shoe_size=44'] }, /^FILTER_INVALID: where: .*shoe_size/],
  ['similar', { id: 'nowhere' }, /^NOT_FOUND: .*nowhere/],
  ['facets', { by: ['shoe_size'] }, /^USAGE: .*shoe_size/],
  ['photo', { id: '../secret' }, /^REQUEST_INVALID: id: /],
])('%s of %j fails with a code and what to do', async (name, given, message) => {
  const { text, data, isError } = await call(name, given)
  expect({ text, data, isError }).toEqual({ text: expect.stringMatching(message), data: undefined, isError: true })
})

test('an unknown tool is refused', async () => {
  await expect(client.callTool({ name: 'delete' })).rejects.toThrow('Expected a tool of search, similar')
})

test('answers what has arrived when stdin closes, and ends; stdout has nothing but answers', async () => {
  const { stdin, finished } = sandbox.startWithInput('mcp')
  const messages = [
    { jsonrpc: '2.0', id: 1, method: 'ping' },
    'no message',
    { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'search', arguments: { q: 'a cat', k: 1 } } },
  ]
  stdin.end(messages.map(message => `${JSON.stringify(message)}\n`).join(''))
  const { code, stdout, stderr: log } = await finished
  const answers = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(answers).toMatchObject([
    { id: 1, result: {} },
    { id: 2, result: { structuredContent: { photos: [{ photo_id: 'cat-room' }] } } },
  ])
  expect(code).toBe(0)
  expect(log).toContain('a message of the client was not understood')
  expect(stderr).not.toMatch(/\n\s+at /)
})
