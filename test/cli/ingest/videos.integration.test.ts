import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { OutOfReachError, PhotoError } from '../../../src/domain/errors.js'
import { frameId } from '../../../src/domain/places/video-frame.js'
import { readFrame } from '../../../src/workers/stages/read-frame.js'
import { Sandbox } from '../../support/cli.js'
import { hasPrograms, program } from '../../support/images/programs.js'

describe.skipIf(!hasPrograms('ffmpeg'))('videos', () => {
  let sandbox: Sandbox
  let folder: string
  let film: string
  beforeAll(async () => {
    sandbox = await Sandbox.create()
    folder = join(sandbox.home, 'films')
    film = join(folder, 'a film.mp4')
    await mkdir(folder)
    // Red for two seconds, then green for one.
    const colours = ['red', 'green'].flatMap((c, i) => ['-f', 'lavfi', '-i', `color=${c}:s=320x240:d=${2 - i}:r=10`])
    const joined = ['-filter_complex', '[0][1]concat=n=2', '-pix_fmt', 'yuv420p', film]
    await program('ffmpeg', '-v', 'error', ...colours, ...joined)
  })
  afterAll(() => sandbox.close())

  test('become photos, each named by file and second', async () => {
    const ingested = await sandbox.run('ingest', folder, '--video-fps', '1', '--processes', '1', '--label-set', 'none')
    expect(ingested).toMatchObject({ code: 0, stdout: expect.stringContaining('3 of 3 photos embedded') })
    const found = await sandbox.run('search', 'green', '--json')
    const seconds = found.objects().map(({ path, second }) => [path, second])
    expect(seconds.sort()).toEqual([0, 1, 2].map(second => [film, second]))
    const shown = await sandbox.run('search', 'green')
    expect(shown.stdout).toContain(`'${film}'  # at 2 s`)
    const again = await sandbox.run('ingest', film, '--video-fps', '1', '--json')
    expect(again.objects()[0]).toMatchObject({ photos: 3, enqueuedPhotos: 0 })
  })

  test('are found by photo rm --from by the path or the URL of the video', async () => {
    const list = join(sandbox.home, 'films.txt')
    for (const line of [film, pathToFileURL(film).href]) {
      await writeFile(list, `${line}\n`)
      const { stdout, stderr } = await sandbox.run('photo', 'rm', '--from', list, '--dry-run')
      expect([stdout, stderr]).toEqual([expect.stringContaining('Would remove 3 of 3 photos'), ''])
    }
  })

  test('are counted as skipped without --video-fps', async () => {
    const { code, stderr } = await sandbox.run('ingest', folder, '--dry-run')
    expect([code, stderr]).toEqual([2, expect.stringContaining('1 video')])
  })

  test('are read only where the worker may read, and nothing but videos', async () => {
    const options = { folders: [folder], maxBytes: 1e7, maxPixels: 1e6 }
    const at = (path: string) => ({ id: '', url: `file://${encodeURI(path)}#t=1`, isHere: true })
    expect((await readFrame(at(film), options)).subarray(1, 4).toString()).toBe('PNG')
    const codeOf = (work: Promise<unknown>) => work.catch(error => (error instanceof PhotoError ? error.code : error))
    expect(await codeOf(readFrame(at(film), { ...options, folders: [] }))).toBe('FOLDER_FORBIDDEN')
    expect(await codeOf(readFrame(at(join(folder, 'none.mp4')), options))).toBe('FILE_NOT_FOUND')
    expect(await codeOf(readFrame({ ...at(film), url: at(film).url.replace('#t=1', '#t=99') }, options))).toBe(
      'DECODE_FAILED',
    )
    expect(await codeOf(readFrame(at(film), { ...options, maxPixels: 1000 }))).toBe('DECODE_FAILED')
    const elsewhere = { ...at(film), isHere: false }
    expect(await codeOf(readFrame(elsewhere, options))).toBeInstanceOf(OutOfReachError)
    const same = { ...elsewhere, id: frameId(film, await stat(film), elsewhere.url) }
    expect((await readFrame(same, options)).subarray(1, 4).toString()).toBe('PNG')
  })
})
