import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'

/** Nothing of these reaches the database, so all of them answer soon. */
describe('a file or folder that cannot be used ends a command with one sentence', () => {
  let sandbox: Sandbox
  let file: string
  let urls: string
  beforeAll(async () => {
    sandbox = await Sandbox.create()
    file = join(sandbox.home, 'a-file')
    urls = join(sandbox.home, 'urls.txt')
    await writeFile(file, 'kept')
    await writeFile(urls, 'https://images.example/1.jpg\nno url\n')
  })
  afterAll(() => sandbox.close())

  test.each([
    ['search', 'dog', '--html'],
    ['search', 'dog', '--csv'],
    ['duplicates', '--html'],
    ['duplicates', '--csv'],
    ['labels', 'show', 'taken_time', '--html'],
    ['labels', 'show', 'taken_time', '--csv'],
    ['photo', 'preprocess', 'missing.jpg', '--out'],
    ['ingest', 'URLS', '--dry-run', '--bad-rows'],
  ])('%s %s %s: checked before the work', async (...args) => {
    const given = args.map(arg => (arg === 'URLS' ? urls : arg))
    for (const path of [join(file, 'below'), sandbox.home, join(sandbox.home, 'missing', 'x')]) {
      const { code, stderr } = await sandbox.run(...given, path)
      expect(stderr).toMatch(new RegExp(`^USAGE: ${args.at(-1)} expects a writable file, found: E[A-Z]+: .*\\n$`))
      expect(code).toBe(2)
    }
    expect(existsSync(join(sandbox.home, 'missing'))).toBe(false)
    expect(await readFile(file, 'utf8')).toBe('kept')
  })

  test.skipIf(!existsSync('/dev/full'))('a disk that is full', async () => {
    const { code, stderr } = await sandbox.run('ingest', urls, '--dry-run', '--bad-rows', '/dev/full')
    expect(stderr).toMatch(/^FILE_FAILED: Cannot write: the disk is full \(ENOSPC\)\. Make room there.*\n$/)
    expect(code).toBe(1)
  })

  test.each(['', '/below'])('UNSPLASH_CLIP_HOME that is a file%s', async below => {
    const home = `${file}${below}`
    const other = await Sandbox.createEmpty({ UNSPLASH_CLIP_HOME: home })
    const { code, stderr } = await other.run('status')
    await rm(other.home, { recursive: true })
    expect(stderr).toMatch(/^FILE_FAILED: Cannot mkdir \S+: .*\(E\w+\)\. Set UNSPLASH_CLIP_HOME to a folder.*\n$/)
    expect(code).toBe(1)
  })
})
