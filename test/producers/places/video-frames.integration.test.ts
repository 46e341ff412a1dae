import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { videoFrames } from '../../../src/producers/places/video-frames.js'
import { readFrame } from '../../../src/workers/stages/read-frame.js'
import { hasPrograms, program } from '../../support/images/programs.js'

describe.skipIf(!hasPrograms('ffmpeg'))('videos', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-frames-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function framesOf(path: string, fps: number) {
    const rows = []
    for await (const row of videoFrames(path, fps, { part: path })) rows.push(row)
    return { urls: rows.flatMap(row => row.photo?.photo_image_url ?? []), problem: rows.at(-1)?.problem }
  }

  describe.each(['mp4', 'mkv'])('whose sound is longer than their pictures, as %s', container => {
    let long: string
    beforeAll(async () => {
      long = join(folder, `sound.${container}`)
      const inputs = ['testsrc=s=64x48:r=6:d=1', 'sine=d=3'].flatMap(source => ['-f', 'lavfi', '-i', source])
      await program('ffmpeg', '-v', 'error', ...inputs, '-pix_fmt', 'yuv420p', long)
    })

    test.each([
      [4, 4],
      [100, 6],
    ])('at %d frames per second give %d different frames, each of which can be read', async (fps, count) => {
      const { urls } = await framesOf(long, fps)
      const options = { folders: [folder], maxBytes: 1e7, maxPixels: 1e6 }
      const frames = await Promise.all(urls.map(url => readFrame({ id: '', url, isHere: true }, options)))
      expect(new Set(frames.map(frame => frame.toString('base64'))).size).toBe(count)
      expect(frames).toHaveLength(count)
    })
  })

  test('of more than 86,400 frames give so many, and a report of the rest', async () => {
    const endless = join(folder, 'endless.mp4')
    await program('ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', 'color=s=16x16:r=1000:d=87', '-c:v', 'mpeg4', endless)
    const { urls, problem } = await framesOf(endless, 1000)
    expect(urls).toHaveLength(86_400)
    expect(problem).toEqual({ code: 'TOO_MANY_FRAMES', found: expect.stringContaining('87000 frames') })
  })

  test('that are lists of other files are not opened', async () => {
    const film = join(folder, 'film.mp4')
    const list = join(folder, 'list.mp4')
    await writeFile(list, "ffconcat version 1.0\nfile 'film.mp4'\n")
    await program('ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc=s=64x48:d=1', film)
    expect((await framesOf(film, 1)).problem).toBeUndefined()
    expect((await framesOf(list, 1)).problem).toMatchObject({ code: 'UNREADABLE' })
  })
})
