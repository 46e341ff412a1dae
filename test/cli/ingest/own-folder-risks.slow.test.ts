import { cp, mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SOME_FAILED } from '../../../src/cli/exit-codes.js'
import { type Database, openDatabase } from '../../../src/db/connection.js'
import { Sandbox } from '../../support/cli.js'

/** Grey of a level, so every level is another photo; written two hours ago. */
async function picture(path: string, grey: number): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true })
  const background = { r: grey, g: grey, b: grey }
  const image = sharp({ create: { width: 40, height: 30, channels: 3, background } })
  await writeFile(path, await image.png().toBuffer())
  const before = new Date(Date.now() - 2 * 3600 * 1000)
  await utimes(path, before, before)
}

describe('a collection of own photos', () => {
  let sandbox: Sandbox
  let database: Database
  const at = (...names: string[]) => join(sandbox.home, 'lib', ...names)
  const ingest = (...args: string[]) => sandbox.run('ingest', ...args, '--label-set', 'none')

  beforeAll(async () => {
    sandbox = await Sandbox.create()
    await picture(at('edited', 'a.png'), 1)
    await ingest(at('edited'))
    database = await openDatabase({ url: (await sandbox.run('db', 'url')).stdout.trim() })
  })
  afterAll(async () => {
    await database?.close()
    await sandbox?.close()
  })

  test('has no embedding of the new bytes under the id of the old ones, when a file changes between two ingests', async () => {
    await picture(at('edited', 'a.png'), 2)
    await ingest(at('edited'))
    const worker = await sandbox.run('worker', '--until-idle')
    expect(worker.code, worker.stderr).toBe(3)
    const rows = await database.query(
      `select l.path is not null as "isThere", f.code from photos p left join photo_places l using (photo_id)
         left join failures f using (photo_id) left join embeddings e using (photo_id)
        where (e.photo_id is null) = (f.photo_id is not null) order by 1`,
    )
    expect(rows).toEqual([
      { isThere: false, code: 'CONTENT_CHANGED' },
      { isThere: true, code: null },
    ])
  })

  test('is embedded with another model from its stored copies, when its files are gone', async () => {
    const model = join(sandbox.home, 'hub')
    await cp(join(import.meta.dirname, '..', '..', 'models', 'exported', 'hub'), model, { recursive: true })
    Object.assign(sandbox.environment, { MODEL_FOLDERS: model })
    await rename(at('edited'), at('..', 'gone'))
    const { stdout } = await ingest(...'--only-missing --from-copies --model hub@fp32 --processes 1'.split(' '))
    expect(stdout).toContain('1 of 1 photo embedded with hub@fp32, 0 failed')
    sandbox.environment.MODEL_FOLDERS = ''
  })

  test('has the images that lie in a Parquet file, by file and row, and keeps them when its folder is synced', async () => {
    await picture(at('tables', 'a.png'), 50)
    const file = at('tables', 'data', 'train.parquet')
    await mkdir(at('tables', 'data'))
    await cp(join(import.meta.dirname, '..', '..', 'producers/dataset/huggingface/datasets.parquet'), file)
    const { stdout } = await ingest(file, '--processes', '1')
    expect(stdout).toContain('4 of 4 photos embedded')
    const [hit] = (await sandbox.run('search', '--image', at('tables', 'a.png'), '-k', '99', '--json'))
      .objects()
      .filter(found => found.row === 2)
    expect(hit).toMatchObject({ path: file, photo: { photo_description: 'blue all over' } })
    await ingest(at('tables'), '--sync', '--yes')
    expect(await database.query(`select from photo_places where path like '%.parquet#row=%'`)).toHaveLength(5)
  })

  test('keeps the photos of a folder that is empty, although they are few of all', async () => {
    for (let grey = 10; grey < 30; grey++) await picture(at('many', `${grey}.png`), grey)
    await picture(at('few', 'only.png'), 40)
    await ingest(at('many'), at('few'))
    await rename(at('few', 'only.png'), at('..', 'elsewhere.png'))
    const { code, stdout } = await ingest(at('many'), at('few'), '--sync')
    expect([code, stdout]).toEqual([1, expect.stringContaining('Nothing was removed')])
  })

  test('keeps the frames of videos in a --sync', async () => {
    const url = `${pathToFileURL(at('many', 'film.mp4')).href}#t=1`
    await database.query('insert into photos (photo_id, photo_image_url) values ($1, $2)', ['aframeaframe1234', url])
    await rm(at('many', '10.png'))
    const { code, stdout } = await ingest(at('many'), '--sync', '--yes')
    expect([code, stdout]).toEqual([0, expect.stringContaining('Removed 1 photo')])
    expect(await database.query(`select from photos where photo_id = 'aframeaframe1234'`)).toHaveLength(1)
  })

  test('sends no variable of this machine to a host that only the database names', async () => {
    const template = 'https://photos.test/{photo_id}?v=$' + '{HOME}'
    const table = join(sandbox.home, 'photos.csv')
    await writeFile(table, 'photo_id,photo_image_url\ncccccccccc3,https://photos.test/3\n')
    await ingest(table, '--url-template', 'https://photos.test/{photo_id}?v=1')
    await database.query('update url_templates set template = $1', [template])
    const { code, stdout } = await ingest('--only-missing')
    expect([code, stdout]).toEqual([SOME_FAILED, expect.stringMatching(/left out.*was not given on this machine/)])
    await ingest(table, '--url-template', template)
    expect((await ingest('--only-missing')).code).toBe(0)
  })
})
