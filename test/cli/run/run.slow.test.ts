import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'
import { until } from '../../support/until.js'

const PHOTOS = 20
const BATCHES = 5

describe('run', () => {
  let sandbox: Sandbox
  let list: string
  beforeAll(async () => {
    sandbox = await Sandbox.create({ PHOTOS_PER_JOB: '4', LABEL_SETS: 'taken_time' }, { hosted: true })
    list = join(sandbox.home, 'urls.txt')
    await writeFile(list, Array.from({ length: PHOTOS }, (_, i) => `https://images.example/${i}.jpg`).join('\n'))
  })
  afterAll(() => sandbox.close())

  const run = (...args: string[]) => sandbox.run('run', ...args)
  const object = async (...args: string[]) => (await run(...args, '--json')).objects()[0] as Record<string, unknown>
  const ingest = async (...args: string[]) =>
    (await sandbox.run('ingest', list, ...args, '--json')).objects()[0] as { run: string; enqueuedPhotos: number }

  test('of nothing says how to start', async () => {
    const listed = await run('list')
    expect(listed.code).toBe(0)
    expect(listed.stdout).toContain('There is no run. Start one: npx unsplash-clip ingest')
    const shown = await run('show')
    expect(shown.code).toBe(1)
    expect(shown.stderr).toContain('NOT_FOUND: There is no run')
  })

  test('show tells all that is known of a run, and no secret', async () => {
    const template = 'https://me:hunter2@mirror.example/s3cret/{photo_id}.jpg?token=s3cret'
    const { run: id } = await ingest('--priority', 'high', '--url-template', template)
    const shown = await object('show')
    expect(shown).toMatchObject({
      id,
      state: 'waiting for workers',
      priority: 'high',
      photos: PHOTOS,
      done: 0,
      failed: 0,
      left: PHOTOS,
      inFlight: 0,
      waiting: PHOTOS,
      parkedPhotos: 0,
      givenUpPhotos: 0,
      etaSeconds: null,
      labelSets: [{ name: 'taken_time', labels: ['dawn', 'day', 'dusk', 'night'] }],
      options: { urlTemplate: 'mirror.example/…', photosPerJob: 4 },
      workers: { alive: 0 },
      failures: [],
      givenUp: [],
    })
    const { stdout, code } = await run('show', id.slice(0, 16))
    expect(code).toBe(0)
    expect(stdout).toContain(`Run         ${id}: waiting for workers, priority high`)
    expect(stdout).toContain('0 in flight, 20 waiting, 0 parked, 0 given up')
    expect(stdout).toContain(
      `Run ${id}: 20 photos wait and no worker is alive. Start workers: npx unsplash-clip worker`,
    )
    expect(stdout + JSON.stringify(shown)).not.toMatch(/hunter2|s3cret/)
  })

  test('pause, resume and cancel do what they say, and say it again when it is done already', async () => {
    const { run: id } = await ingest()
    expect(await object('pause', id)).toEqual({ run: id, before: 'active', control: 'paused', inFlight: 0 })
    expect(await object('show', id)).toMatchObject({ state: 'paused' })
    expect((await run('pause', id)).stdout).toContain(
      `was already paused. To resume: npx unsplash-clip run resume ${id}`,
    )
    expect((await run('show', id)).stdout).toContain(`To resume: npx unsplash-clip run resume ${id}`)
    expect(await object('resume', id)).toEqual({ run: id, before: 'paused', control: 'active', batches: 0 })
    expect((await run('resume', id)).stdout).toContain('was not paused')

    const cancelled = { run: id, control: 'cancelled', left: PHOTOS, inFlight: 0 }
    expect(await object('cancel', id)).toEqual({ ...cancelled, before: 'active', batches: BATCHES })
    expect(await object('cancel', id)).toEqual({ ...cancelled, before: 'cancelled', batches: 0 })
    const shown = await run('show', id)
    expect(shown.stdout).toContain('Left        20 undone')
    expect(shown.stdout).toContain('To do the rest, start the same ingest again.')
    const refused = await run('resume', id)
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('was cancelled, which is for good')
    expect(await ingest()).toMatchObject({ enqueuedPhotos: PHOTOS })
  })

  test('list has the newest first, and status has the same numbers', async () => {
    const { run: newest } = await ingest()
    const runs = (await run('list', '--limit', '3', '--all', '--json')).objects()
    expect(runs).toHaveLength(3)
    expect(runs[0]).toMatchObject({ id: newest, state: 'waiting for workers', photos: PHOTOS, left: PHOTOS })
    const [status] = (await sandbox.run('status', '--json')).objects() as [{ runs: { id: string }[] }]
    expect(status.runs[0]).toMatchObject({ id: newest, waiting: PHOTOS })
    const text = (await run('list')).stdout
    expect(text).toMatch(/^run +state +photos +done +failed +left\n/)
    expect(text).toMatch(
      new RegExp(`^${newest} +waiting for workers +20 +0 +0 +20\\n  20.*, demo@fp32, .*urls\\.txt$`, 'm'),
    )
    expect(Math.max(...text.split('\n').map(line => line.length))).toBeLessThanOrEqual(80)
  })

  test.each([
    [['pause', 'nobody'], 1, /NOT_FOUND: Expected a run whose id starts with "nobody", found none\. Newest runs: 2/],
    [['show', '2'], 2, /USAGE: Expected the start of one run's id, found several runs that start with "2": 2.*, 2/],
    [['show', '--watch'], 2, /USAGE: --watch expects a terminal, or --json; found neither.*watch -n 2/],
    [['cancel'], 2, /missing required argument 'run'/],
    [['list', '--limit', 'all'], 2, /Expected a whole number from 1 to 10000/],
  ])('%j ends with what was expected and found', async (args, code, message) => {
    const finished = await run(...args)
    expect(finished.stderr).toMatch(message)
    expect(finished.code).toBe(code)
  })

  test('show --watch --json follows to the end', async () => {
    const { run: id } = await ingest()
    const watching = sandbox.start('run', 'show', id, '--watch', '--json')
    let lines = 0
    watching.child.stdout!.on('data', () => lines++)
    await until('two looks', () => lines >= 2)
    await run('cancel', id)
    const { code, objects } = await watching.finished
    expect(code).toBe(0)
    expect(objects().at(-1)).toMatchObject({ id, state: 'cancelled' })
  })

  test('ingest --wait says that its run is paused, and ends with an error when it is cancelled', async () => {
    const waiting = sandbox.start('ingest', list, '--wait', '--json')
    const id = await until('the run', async () => {
      const shown = await object('show')
      return shown.state === 'waiting for workers' && shown.photos === PHOTOS ? (shown.id as string) : null
    })
    await run('pause', id)
    await until('it is told', () => waiting.stderr().includes(`Run ${id} is paused`))
    await run('cancel', id)
    const { code, stderr } = await waiting.finished
    expect(code).toBe(1)
    expect(stderr).toContain('RUN_CANCELLED')
    expect(stderr.match(/is paused/g)).toHaveLength(1)
  })
})
