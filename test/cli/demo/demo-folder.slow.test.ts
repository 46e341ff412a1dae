import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Sandbox, withoutWaits } from '../../support/cli.js'
import { jpegPhoto } from '../../support/images/sample-images.js'

const MARKER = '.unsplash-clip-demo'
/** All that a demo leaves. */
const MADE = [MARKER, 'database', 'dataset', 'demo.html', 'objects']

describe('the demo removes nothing that it did not make', () => {
  let sandbox: Sandbox
  const at = (...path: string[]) => join(sandbox.home, ...path)

  /** Whatever the demo is asked for, it must refuse: all files stay, byte for byte. */
  const refuses = async (...args: string[]) => {
    const before = await snapshot(sandbox.home)
    const { code, stderr, stdout } = await sandbox.run('demo', '--count', '20', ...args)
    expect(stdout).toBe('')
    expect(await snapshot(sandbox.home)).toEqual(before)
    return { code, stderr }
  }

  beforeEach(async () => {
    sandbox = await Sandbox.create({ UNSPLASH_CLIP_HOME: '/nonexistent/unsplash-clip' })
    await mkdir(at('own/sub'), { recursive: true })
    await writeFile(at('own/thesis.txt'), 'important')
    await writeFile(at('own/sub/photo.jpg'), await jpegPhoto())
    // As an earlier demo leaves it.
    await mkdir(at('earlier/database'), { recursive: true })
    await writeFile(at('earlier/database/PG_VERSION'), '18')
    await writeFile(at('earlier/demo.html'), '<html>')
    await writeFile(at('earlier', MARKER), '')
  })
  afterEach(async () => {
    for (const folder of [sandbox.home, `${sandbox.home}-models`]) await rm(folder, { recursive: true, force: true })
  })

  test('in a folder with files of others', async () => {
    const { code, stderr } = await refuses('--folder', 'own')
    expect(code).toBe(2)
    expect(stderr).toMatch(
      /^USAGE: Expected --folder to be new, empty or made by an earlier demo, found 2 entries .*own.*Nothing was removed\. Choose another --folder\.\n$/,
    )
  })

  test('through a link, in the current folder, above it, and in the root', async () => {
    await symlink(at('own'), at('link'))
    await symlink(at('nowhere'), at('dangling'))
    for (const folder of ['link', '.', '..', '/', 'own/sub/..', 'dangling', ''])
      expect(await refuses('--folder', folder), folder).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^USAGE: Expected --folder/),
      })
  })

  test('in the home folder and in that of the own collection, even when they are empty', async () => {
    await mkdir(at('empty'))
    for (const environment of [{ HOME: at('empty') }, { UNSPLASH_CLIP_HOME: at('empty') }]) {
      Object.assign(sandbox.environment, environment)
      expect(await refuses('--folder', 'empty')).toMatchObject({ code: 2 })
      Object.assign(sandbox.environment, { HOME: process.env.HOME, UNSPLASH_CLIP_HOME: '/nonexistent' })
    }
  })

  test('where a file is in the way', async () => {
    for (const folder of ['own/thesis.txt', 'own/thesis.txt/demo'])
      expect(await refuses('--folder', folder)).toMatchObject({ code: 2, stderr: expect.stringMatching(/thesis\.txt/) })
  })

  test('in a folder that contains --photos, or lies inside, links followed', async () => {
    await symlink(at('own'), at('link'))
    await writeFile(at('own', MARKER), '')
    await mkdir(at('own/new'))
    const cases = [
      ['own', 'own'],
      ['own/sub', 'own'],
      ['own/sub/photo.jpg', 'own'],
      ['own', 'link'],
      ['link', 'own'],
      ['link', 'own/new'],
      ['own', 'link/not/there'],
    ]
    for (const [photos, folder] of cases) {
      const { code, stderr } = await refuses('--photos', photos!, '--folder', folder!)
      expect(code, `${photos} ${folder}`).not.toBe(0)
      if (photos !== 'own/sub/photo.jpg') expect(stderr, `${photos} ${folder}`).toMatch(/--photos/)
    }
  })

  test('of an earlier demo when --photos is mistyped, empty, or no photos', async () => {
    await mkdir(at('empty'))
    await writeFile(at('urls.txt'), 'ftp://host.test/1.jpg\n')
    const cases = [
      ['typo', 'INPUT_NOT_FOUND'],
      ['empty', 'INPUT_INVALID'],
      ['own/thesis.txt', 'INPUT_INVALID'],
      ['urls.txt', 'INPUT_INVALID'],
    ]
    for (const [photos, code] of cases)
      expect((await refuses('--photos', photos!, '--folder', 'earlier')).stderr, photos).toMatch(
        new RegExp(`^${code}: `),
      )
  })

  test('of an earlier demo when the model is unknown, cannot be fetched, or a label set is wrong', async () => {
    const photos = ['--photos', 'own', '--folder', 'earlier']
    expect((await refuses(...photos, '--model', 'clop')).stderr).toMatch(/^MODEL_UNKNOWN: /)
    Object.assign(sandbox.environment, {
      HF_ENDPOINT: 'http://127.0.0.1:9',
      MODELS_DIR: `${sandbox.home}-models`,
    })
    expect((await refuses(...photos, '--model', 'clip-vit-b-32')).stderr).toMatch(/^MODEL_DOWNLOAD_FAILED: /)
    sandbox.environment.LABEL_SETS = 'no-such-set'
    expect((await refuses('--folder', 'earlier')).stderr).toMatch(/^LABEL_SET_INVALID: /)
  })

  test('of a demo before there was a marker, and says what to do', async () => {
    await rm(at('earlier', MARKER))
    const { code, stderr } = await refuses('--folder', 'earlier')
    expect(code).toBe(2)
    expect(stderr).toMatch(/demo of an earlier version.*remove it yourself: rm -r "?.*earlier"?\. Else choose another/)
  })
})

describe('a demo after a demo', () => {
  let sandbox: Sandbox
  const at = (...path: string[]) => join(sandbox.home, ...path)

  beforeAll(async () => {
    sandbox = await Sandbox.create()
    await mkdir(at('.demo'))
  })
  afterAll(() => sandbox.close())

  test('replaces it in its default folder, its server still running; files of others beside it stay', async () => {
    const first = await sandbox.run('demo', '--count', '20')
    expect([first.code, withoutWaits(first.stderr)]).toEqual([0, ''])
    expect((await readdir(at('.demo'))).toSorted()).toEqual(MADE)
    await writeFile(at('.demo/notes.txt'), 'mine')
    await cp(at('.demo/demo.html'), at('.demo/kept.html'))
    await writeFile(at('.demo/objects/left-over.jpg'), 'of the first')
    // A server that is at work while the second demo begins.
    const ofDemo = await Sandbox.create({ UNSPLASH_CLIP_HOME: at('.demo') })
    await ofDemo.run('search', 'a boat at night')
    expect(existsSync(at('.demo/database/server.json'))).toBe(true)

    const second = await sandbox.run('demo', '--count', '20')
    expect([second.code, withoutWaits(second.stderr)]).toEqual([0, ''])
    expect(second.stdout).toContain('20 of 20 photos embedded')
    expect(existsSync(at('.demo/objects/left-over.jpg'))).toBe(false)
    expect(await readFile(at('.demo/notes.txt'), 'utf8')).toBe('mine')
    expect(existsSync(at('.demo/kept.html'))).toBe(true)

    await mkdir(at('broken'))
    await writeFile(at('broken/photo.jpg'), 'not an image')
    const failed = await sandbox.run('demo', '--photos', 'broken', '--model', 'demo', '--count', '20')
    expect(failed.code).toBe(1)
    expect(failed.stderr).toContain(`The demo failed; the earlier one in ${at('.demo')} is unchanged.`)
    // As a demo leaves it that was killed after it had moved the earlier one aside.
    await mkdir(at('.demo/.earlier-demo'))
    await rename(at('.demo/database'), at('.demo/.earlier-demo/database'))
    await mkdir(at('.demo/database'))
    expect((await sandbox.run('demo', '--photos', 'broken', '--model', 'demo')).code).toBe(1)
    // The failed demos had photos, so they noted a folder that workers may read.
    const all = [...MADE, 'kept.html', 'notes.txt', 'readable-folders']
    expect((await readdir(at('.demo'))).toSorted()).toEqual(all.toSorted())
    expect((await ofDemo.run('search', 'a boat at night', '-k', '3', '--json')).objects()).toHaveLength(3)
    await ofDemo.run('db', 'stop')
    await rm(ofDemo.home, { recursive: true })
  }, 480_000)
})

/** Every path below a folder, and what is in it. */
async function snapshot(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.map(async entry => {
    const path = join(entry.parentPath, entry.name)
    return [path, entry.isFile() ? await readFile(path, 'base64') : entry.isSymbolicLink() ? 'link' : 'folder'] as const
  })
  return Object.fromEntries(await Promise.all(files))
}
