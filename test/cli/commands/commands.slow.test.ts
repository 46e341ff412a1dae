import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'
import { helpOf } from '../../support/help.js'

const COMMANDS = [
  ['ingest'],
  ['worker'],
  ['health'],
  ['search'],
  ['labels'],
  ['labels', 'predict'],
  ['labels', 'show'],
  ['prompts'],
  ['prompts', 'add'],
  ['prompts', 'list'],
  ['prompts', 'remove'],
  ['photo'],
  ['photo', 'show'],
  ['photo', 'preprocess'],
  ['photo', 'info'],
  ['status'],
  ['run'],
  ['run', 'list'],
  ['run', 'show'],
  ['run', 'pause'],
  ['run', 'resume'],
  ['run', 'cancel'],
  ['demo'],
  ['models'],
  ['models', 'list'],
  ['models', 'pull'],
  ['models', 'verify'],
  ['models', 'compare'],
  ['db'],
  ['db', 'migrate'],
  ['db', 'status'],
  ['db', 'start'],
  ['db', 'stop'],
  ['db', 'url'],
]

describe('unsplash-clip', () => {
  let sandbox: Sandbox
  let folder: string
  beforeAll(async () => {
    sandbox = await Sandbox.create({}, { hosted: true })
    folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-input-'))
  })
  afterAll(async () => {
    await sandbox.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('takes the id of a photo that begins with a hyphen', async () => {
    const { code, stderr } = await sandbox.run('photo', '-9NR0DxZ4PL', '--json')
    expect([code, JSON.parse(stderr)]).toEqual([
      1,
      { error: 'NOT_FOUND', message: 'The database has no photo "-9NR0DxZ4PL".' },
    ])
  })

  test('ends in order when nobody reads what it prints', async () => {
    const { child, finished } = sandbox.start('models', 'list')
    child.stdout?.destroy()
    expect(await finished).toMatchObject({ code: 0, stderr: '' })
  })

  test.each(COMMANDS)('%s %s --help shows two real examples', async (...command) => {
    const stdout = await helpOf(...command)
    const examples = stdout.slice(stdout.indexOf('Examples:')).match(/^ {2}.*unsplash-clip /gm) ?? []
    expect(examples.length).toBeGreaterThanOrEqual(2)
  })

  test('without a command shows what it can do', async () => {
    const { code, stderr } = await sandbox.run()
    expect(code).toBe(2)
    expect(stderr).toContain('ingest')
    expect(stderr).toContain('Exit codes: 0 done, 1 failed, 2 wrong usage')
  })

  test.each([
    [['serch', 'dog'], 'unknown command'],
    [['search', 'dog', '--cuont', '3'], 'unknown option'],
    [['search', 'dog', '-k', 'many'], 'Expected a whole number from 1 to 10000'],
    [['search'], 'expects one of: words, --image FILE|URL, --photo ID; found none'],
    [['search', 'dog', '--photo', 'x'], 'found text and photo'],
    [['search', 'dog', '--label', 'night'], 'SET=LABEL'],
    [['search', 'dog', '--where', 'iso=3'], 'no column "iso"'],
    [['ingest'], 'expects an input'],
    [['ingest', 'nowhere.tsv'], 'nowhere.tsv cannot be found'],
    [['ingest', '--retry-failed', 'HTTP'], 'HTTP_<status>'],
    [['search', 'dog', '--model', 'clip-vit-z'], 'clip-vit-z'],
    [['health', '--url', 'localhost'], 'expects an address like http://127.0.0.1:9464/healthz'],
    [['labels', 'predict', 'mood'], 'Expected a label set, found "mood"; known: taken_space, taken_time'],
    [['labels', 'predict', './mood.json'], 'found "./mood.json", a file that does not exist; known: taken_space'],
    [['photo', 'info', '.'], 'expected an image file or an http(s) URL, found ".": it is a folder.'],
  ])('%j is wrong usage: exit code 2 and what was expected', async (args, message) => {
    const { code, stdout, stderr } = await sandbox.run(...args)
    expect(stderr).toContain(message)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  test('a wrong setting in the environment or .env is named; the environment wins over .env', async () => {
    const wrong = await Sandbox.create({ PHOTOS_PER_JOB: 'many' })
    const { code, stderr } = await wrong.run('status')
    expect(code).toBe(2)
    expect(stderr).toContain('PHOTOS_PER_JOB: expected 1 to 1024, found "many"')
    await writeFile(join(wrong.home, '.env'), 'PHOTOS_PER_JOB=8\nCOPY_QUALITY=0\n')
    const both = await wrong.run('status')
    expect(both.stderr).toContain('PHOTOS_PER_JOB: expected 1 to 1024, found "many"')
    expect(both.stderr).toContain('COPY_QUALITY: expected 1 to 100, found "0"')
    await wrong.close()
  })

  test('errors are objects with --json', async () => {
    const { code, stderr } = await sandbox.run('search', 'dog', '--json')
    expect(code).toBe(1)
    expect(JSON.parse(stderr)).toMatchObject({ error: 'NOT_EMBEDDED' })
  })

  test('a search of an empty database says how to fill it', async () => {
    const { code, stderr } = await sandbox.run('search', 'dog')
    expect(code).toBe(1)
    expect(stderr).toContain('The database holds no embeddings yet. Ingest something first: npx unsplash-clip ingest')
  })

  test('a database that cannot be reached is named without its password', async () => {
    const away = await Sandbox.create({ DATABASE_URL: 'postgres://me:secret@127.0.0.1:9/photos' })
    const { code, stderr } = await away.run('status')
    expect(code).toBe(1)
    expect(stderr).toContain('127.0.0.1:9/photos')
    expect(stderr).not.toContain('secret')
    await away.close()
  })

  test('--dry-run counts rows, names bad ones by line, writes them to a file and enqueues nothing', async () => {
    const urls = join(folder, 'urls.txt')
    const badRows = join(folder, 'bad.jsonl')
    await writeFile(
      urls,
      'https://images.example/a.jpg\nnot a url\n# a comment\n\nftp://images.example/b.jpg\nhttps://images.example/a.jpg\n',
    )
    const { code, stdout } = await sandbox.run('ingest', urls, '--dry-run', '--bad-rows', badRows)
    expect(code).toBe(3)
    expect(stdout).toContain('Would enqueue 1 photo in 1 batch.')
    expect(stdout).toContain('NOT_A_URL')
    expect(stdout).toContain('urls.txt:2')
    const written = (await readFile(badRows, 'utf8'))
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(written.map(row => [row.line, row.problem.code])).toEqual([
      [2, 'NOT_A_URL'],
      [5, 'NOT_A_URL'],
      [6, 'DUPLICATE_ID'],
    ])
    const [status] = (await sandbox.run('status', '--json')).objects()
    expect(status).toMatchObject({ queue: { waiting: 0 } })
  })

  test('the embedded database starts, is found, and stops', async () => {
    expect((await sandbox.run('db', 'start')).code).toBe(0)
    const url = (await sandbox.run('db', 'url')).stdout.trim()
    expect(url).toMatch(/^postgres/)
    const [status] = (await sandbox.run('db', 'status', '--json')).objects()
    expect(status).toMatchObject({ embedded: { url } })
    expect((await sandbox.run('db', 'stop')).stdout).toContain('was stopped')
    expect((await sandbox.run('db', 'stop')).stdout).toContain('was not running')
  })

  test('models list says which model is which, and that the demo model is for rendered scenes', async () => {
    const { code, stdout } = await sandbox.run('models', 'list')
    expect(code).toBe(0)
    expect(stdout).toContain('clip-vit-b-32@int8-smooth (default)')
    expect(stdout).toContain('clip-vit-b-32@fp32')
    expect(stdout).toMatch(/demo.*rendered scenes, not photographs/s)
  })
})
