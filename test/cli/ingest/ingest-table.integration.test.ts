import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'

const KEYWORDS = 'photo_id\tkeyword\tai_service_1_confidence\tai_service_2_confidence\tsuggested_by_user\n'

describe('unsplash-clip ingest --table', () => {
  let sandbox: Sandbox
  let folder: string
  const file = (name: string) => join(folder, name)
  beforeAll(async () => {
    sandbox = await Sandbox.create({}, { hosted: true })
    folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-tables-'))
    await writeFile(file('photos.csv'), 'photo_id,photo_image_url\na1,https://images.example/a1.jpg\n')
    await writeFile(file('keywords.tsv000'), `${KEYWORDS}a1\tdog\t98.5\t\tf\nb2\tdog\t\t\tt\n`)
    await writeFile(file('keywords.tsv001'), `${KEYWORDS}a1\tcat\t1\t2\tf\na1\t\t\t\tf\n`)
  })
  afterAll(async () => {
    await sandbox.close()
    await rm(folder, { recursive: true, force: true })
  })

  test.each([
    [['--table', 'photos', 'x'], /Allowed choices are keywords, collections, colors, conversions/],
    [['--table', 'keywords'], /No input was given\. Expected one or more of: .*keywords\.tsv000/],
    [['--table', 'keywords', 'missing'], /INPUT_NOT_FOUND: missing cannot be found/],
    [['--table', 'keywords', 'x', '--processes', '2'], /leave out --processes\. It accepts --all-photos/],
    [['--table', 'keywords', 'x', '--model', 'demo'], /leave out --model/],
    [['--table', 'keywords', 'x', '--no-store'], /leave out --no-store/],
    [['--all-photos', 'x'], /--all-photos needs --table/],
  ])('%j is wrong usage: exit code 2 and what was expected', async (args, message) => {
    const { code, stdout, stderr } = await sandbox.run('ingest', ...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
  })

  test('--dry-run checks the files of a folder, and writes what is bad to a file', async () => {
    const { code, stdout } = await sandbox.run(
      'ingest',
      '--table',
      'keywords',
      folder,
      '--dry-run',
      '--bad-rows',
      file('bad.jsonl'),
    )
    expect(code).toBe(3)
    expect(stdout).toMatch(/^Read 4 rows of keywords in .*: 3 good rows, 1 bad row\.\n\nbad rows/)
    expect(stdout).toMatch(/keywords\.tsv001:3 +NO_KEY +keyword is empty/)
    expect(JSON.parse(await readFile(file('bad.jsonl'), 'utf8'))).toEqual({
      line: 3,
      part: file('keywords.tsv001'),
      problem: { code: 'NO_KEY', found: 'keyword is empty' },
    })
  })

  test('loads rows of the photos that were ingested; asked for, all; again, none', async () => {
    const load = (...args: string[]) => sandbox.run('ingest', '--table', 'keywords', folder, ...args)
    const before = await load()
    expect([before.code, before.stderr]).toEqual([1, expect.stringContaining('NOT_FOUND: keywords of the photos')])

    expect((await sandbox.run('ingest', file('photos.csv'))).code).toBe(0)
    const known = await load('--json')
    expect([known.code, known.objects()]).toEqual([
      3,
      [expect.objectContaining({ table: 'keywords', rows: 4, written: 2, otherPhotos: 1, badRows: 1 })],
    ])
    const all = await load('--all-photos')
    expect(all.stdout).toContain('Wrote 1 row; 2 were already there.')
    const again = await load()
    expect(again.stdout).toContain('Wrote 0 rows; 2 were already there.')
    expect(again.stdout).toMatch(
      /1 row was left out, of photos that are not in the database; --all-photos loads them too/,
    )
  })

  test('--sync removes no photo while a row of the table is damaged, with --yes too', async () => {
    const table = file('releases.csv')
    const write = (...rows: string[]) => writeFile(table, ['photo_id,photo_image_url', ...rows, ''].join('\n'))
    const sync = () => sandbox.run('ingest', table, '--sync', '--yes')
    const photos = async () => (await sandbox.run('photo', 'rm', 'a1', '--dry-run')).stdout
    const [a1, b2] = ['a1', 'b2'].map(id => `${id},https://images.example/${id}.jpg`)
    await write(a1!, b2!)
    expect((await sandbox.run('ingest', table)).code).toBe(0)
    await write(a1!, b2!.replace(',', '/,'))
    const refused = await sync()
    expect(refused.stdout).toContain('--sync expects an input without damaged rows; found 1,')
    expect(refused.code).toBe(1)
    expect(await photos()).toContain('1 of 2 photos')
    await write(a1!, a1!)
    const removed = await sync()
    expect(removed.stdout).toContain('Removed 1 photo that the input no longer has, of 2')
    expect(await photos()).toContain('1 of 1 photo')
  })
})
