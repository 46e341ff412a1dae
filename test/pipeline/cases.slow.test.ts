import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Finished, Sandbox } from '../support/cli.js'
import { startHttp, type TestServer } from '../support/servers/http-server.js'

/** Synthetic files that users of the dataset met in the wild, each through the command line. */
const CASES = fileURLToPath(new URL('cases', import.meta.url))
const MINUTE = 60_000

let sandbox: Sandbox
let client: Client

beforeAll(async () => {
  sandbox = await Sandbox.create()
  client = new Client({ connectionString: (await sandbox.run('db', 'url')).stdout.trim() })
  await client.connect()
}, 4 * MINUTE)

afterAll(async () => {
  await client.end()
  await sandbox.close()
})

const file = (name: string) => join(CASES, name)
const summary = ({ objects }: Finished) => objects()[0] as Record<string, unknown>

/** Code and stored copy by the name of the file. */
async function outcomes(urls: string): Promise<Record<string, string>> {
  const { rows } = await client.query<{ url: string; found: string }>(
    `select p.photo_image_url as url, coalesce(f.code, 'ok') as found
       from photos p left join failures f using (photo_id) left join embeddings e using (photo_id)
      where p.photo_image_url like $1 and (f.code is not null or e.stored_key is not null)`,
    [urls],
  )
  return Object.fromEntries(rows.map(({ url, found }) => [url.split('/').at(-1), found]))
}

test('a folder of odd images: each is embedded or fails alone', { timeout: 6 * MINUTE }, async () => {
  const folder = join(sandbox.home, 'images')
  await mkdir(folder)
  const names = (await readdir(CASES)).filter(name => /\.(jpg|tif|avif)$/.test(name))
  for (const name of names) await copyFile(file(name), join(folder, name))
  const run = await sandbox.run('ingest', folder, '--processes', '1', '--label-set', 'none', '--json')
  expect(run.code).toBe(3)
  expect(await outcomes('file:%')).toEqual({
    'avif_sequence.avif': 'ok',
    'control_jpeg_exif_o6.jpg': 'ok',
    'jpeg_all_ones_huffman_code.jpg': 'DECODE_FAILED',
    'jpeg_exif_o6_after_sof.jpg': 'ok',
    'jpeg_exif_o6_after_sof_1200x900.jpg': 'ok',
    'jpeg_two_components.jpg': 'UNSUPPORTED_IMAGE',
    'tiff_5ch_900px.tif': 'ok',
  })
  const { rows } = await client.query<{ url: string; key: string }>(
    'select photo_image_url as url, stored_key as key from photos join embeddings using (photo_id)',
  )
  const sizes: Record<string, number[]> = {}
  for (const { url, key } of rows) {
    const { width, height } = await sharp(await readFile(join(sandbox.home, 'objects', key))).metadata()
    sizes[url.split('/').at(-1)!] = [width, height]
  }
  expect(sizes).toEqual({
    'avif_sequence.avif': [400, 300],
    'control_jpeg_exif_o6.jpg': [300, 400],
    'jpeg_exif_o6_after_sof.jpg': [300, 400],
    'jpeg_exif_o6_after_sof_1200x900.jpg': [384, 512],
    'tiff_5ch_900px.tif': [518, 512],
  })
})

test('a photo under a wrong name, encoding or redirect is the photo', { timeout: 4 * MINUTE }, async () => {
  const photo = await readFile(file('control_jpeg_exif_o6.jpg'))
  const answers: Record<string, Record<string, string>> = {
    ...Object.fromEntries(
      ['image', 'application/jpeg', 'text/plain', 'multipart/form-data'].map(type => [
        `/${type.replace('/', '-')}.jpg`,
        { 'content-type': type },
      ]),
    ),
    ...Object.fromEntries(
      ['aws-chunked', 'utf-8', 'none'].map(name => [`/encoded-${name}.jpg`, { 'content-encoding': name }]),
    ),
    '/fot%C3%B6.jpg': {},
  }
  let server: TestServer | undefined
  try {
    server = await startHttp((request, response) => {
      const headers = answers[request.url!]
      if (request.url === '/redirect.jpg')
        response.writeHead(302, { location: Buffer.from('/fotö.jpg').toString('latin1') }).end()
      else if (headers) response.writeHead(200, headers).end(photo)
      else response.writeHead(404).end()
    })
    const { origin } = server
    const list = join(sandbox.home, 'urls.txt')
    const paths = [...Object.keys(answers).filter(path => !path.includes('%')), '/redirect.jpg']
    await writeFile(list, paths.map(path => `${origin}${path}\n`).join(''))
    const allowed = ['--allow-host', new URL(origin).host]
    const run = await sandbox.run(...['ingest', list, '--processes', '1', '--label-set', 'none', ...allowed, '--json'])
    expect(run.code).toBe(0)
    expect(await outcomes(`${origin}%`)).toEqual(Object.fromEntries(paths.map(path => [path.slice(1), 'ok'])))
  } finally {
    await server?.close()
  }
})

test('what the model sees of them', { timeout: 6 * MINUTE }, async () => {
  const seen = async (name: string) => {
    const out = join(sandbox.home, 'seen.png')
    const { code, stderr } = await sandbox.run(
      'photo',
      'preprocess',
      file(name),
      '--model',
      'clip-vit-b-32',
      '--out',
      out,
    )
    expect([code, stderr]).toEqual([0, expect.any(String)])
    const { data, info } = await sharp(out).removeAlpha().raw().toBuffer({ resolveWithObject: true })
    return { data, size: info.width }
  }
  /** Mean of the first `side` rows and columns. */
  const mean = ({ data, size }: { data: Buffer; size: number }, side = size) =>
    [0, 1, 2].map(c => {
      let sum = 0
      for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) sum += data[3 * (y * size + x) + c]!
      return Math.round((10 * sum) / side ** 2) / 10
    })
  const control = await seen('control_jpeg_exif_o6.jpg')
  expect(control.size).toBe(224)
  expect(mean(control, 32).map(Math.round)).toEqual([177, 45, 152])
  expect((await seen('jpeg_exif_o6_after_sof.jpg')).data.equals(control.data)).toBe(true)
  expect(mean(await seen('tiff_5ch_900px.tif'))).toEqual([99.9, 88.2, 42.1].map(value => expect.closeTo(value, 0)))
})

test('a CSV with CR line ends has its three photos', { timeout: 4 * MINUTE }, async () => {
  const read = await sandbox.run('ingest', file('cr_only.csv'), '--dry-run', '--json')
  expect(read.code).toBe(0)
  expect(summary(read)).toMatchObject({ rows: 3, photos: 3, badRows: 0 })
})

// No worker runs from here on: it would fetch the photos of these files.
test('a text that no index holds costs its row only, dry or not', { timeout: 4 * MINUTE }, async () => {
  const expected = { badRows: 1, badRowsByProblem: { VALUE_TOO_LONG: 1 } }
  const dry = await sandbox.run('ingest', file('country4000.csv'), '--dry-run', '--json')
  expect([dry.code, summary(dry)]).toEqual([3, expect.objectContaining(expected)])
  const wet = await sandbox.run('ingest', file('country4000.csv'), '--json')
  expect([wet.code, summary(wet)]).toEqual([3, expect.objectContaining(expected)])
  expect(summary(wet).photos).toBe(summary(dry).photos)
  expect(wet.stderr).not.toMatch(/\n {4}at /)
})

test('the tables of release 1.4.0 keep all their columns and rows', { timeout: 6 * MINUTE }, async () => {
  const photos = await sandbox.run(
    ...['ingest', file('release140_photos.csv000'), file('release140_photos.csv001'), '--json'],
  )
  expect([photos.code, summary(photos)]).toEqual([0, expect.objectContaining({ photos: 8, badRows: 0 })])
  expect(photos.stderr).not.toContain('Columns')
  for (const [table, written] of Object.entries({ keywords: 3, collections: 2, colors: 1, conversions: 2 })) {
    const load = await sandbox.run('ingest', '--table', table, file(`release140_${table}.csv000`), '--json')
    expect([table, load.code, summary(load)]).toEqual([table, 0, expect.objectContaining({ written, badRows: 0 })])
    expect(load.stderr).not.toContain('Columns')
  }
  const rows = async (statement: string) => (await client.query({ text: statement, rowMode: 'array' })).rows
  expect(
    await rows('select device_type, search_orientation_filter, search_ordering from photo_conversions order by 1'),
  ).toEqual([
    ['desktop', 'all', 'relevant'],
    ['mobile', 'all', 'relevant'],
  ])
  expect(
    await rows(
      `select keyword, user_suggestion_source, suggested_by_ai_service_3, confirmed_by_ai_service_3
         from photo_keywords order by photo_id, keyword`,
    ),
  ).toEqual([
    ['dog', null, true, true],
    ['tree', null, false, false],
    ['dog', 'photographer', false, true],
  ])
  expect(await rows('select collection_type from photo_collections order by 1')).toEqual([['collection'], ['topic']])
})
