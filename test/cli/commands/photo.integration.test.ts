import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clipInput } from '../../../src/domain/image-input.js'
import { preprocess } from '../../../src/images/decode.js'
import { Sandbox } from '../../support/cli.js'
import { gradient, jpegPhoto, UNSUPPORTED } from '../../support/images/sample-images.js'
import { serveFolder } from '../../support/servers/serve-folder.js'

describe('unsplash-clip photo', () => {
  let sandbox: Sandbox
  let folder: string
  const file = (name: string) => join(folder, name)
  beforeAll(async () => {
    sandbox = await Sandbox.create({}, { hosted: true })
    folder = await mkdtemp(join(tmpdir(), 'unsplash-clip-photo-'))
    await writeFile(file('photo.jpg'), await jpegPhoto(900, 600))
    await writeFile(file('drawing.svg'), UNSUPPORTED.svg)
  })
  afterAll(async () => {
    await sandbox.close()
    await rm(folder, { recursive: true, force: true })
  })

  describe('preprocess', () => {
    test('writes what the model sees of a file', async () => {
      const { code, stdout } = await sandbox.run('photo', 'preprocess', file('photo.jpg'), '--out', file('seen.png'))
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringMatching(/^Wrote .*seen\.png: \d+×\d+ pixels, RGB\.\n$/),
      })
      const seen = sharp(await readFile(file('seen.png')))
      const { format, width = 0, height } = await seen.metadata()
      expect({ format, height }).toEqual({ format: 'png', height: width })
      const expected = await preprocess(await readFile(file('photo.jpg')), { input: clipInput(width), maxPixels: 1e6 })
      expect((await seen.raw().toBuffer()).equals(expected)).toBe(true)
    })

    test('takes a URL, under the guard of downloads', async () => {
      const server = await serveFolder(folder)
      const url = `http://${server.host}/photo.jpg`
      try {
        const refused = await sandbox.run('photo', 'preprocess', url, '--out', file('url.png'))
        expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('HOST_FORBIDDEN') })
        const { host } = server
        const taken = await sandbox.run(
          'photo',
          'preprocess',
          url,
          '--out',
          file('url.png'),
          '--allow-host',
          host,
          '--json',
        )
        expect([taken.code, taken.objects()]).toEqual([
          0,
          [expect.objectContaining({ out: file('url.png'), fit: 'crop' })],
        ])
      } finally {
        await server.close()
      }
    })

    test.each([
      ['no-such.jpg', 'INPUT_NOT_FOUND'],
      ['drawing.svg', 'INPUT_INVALID'],
    ])('says what is wrong with %s', async (name, error) => {
      const { code, stderr } = await sandbox.run('photo', 'preprocess', file(name), '--out', file('x.png'))
      expect([code, stderr]).toEqual([2, expect.stringContaining(error)])
    })

    test('says that it cannot write there', async () => {
      const { code, stderr } = await sandbox.run(
        'photo',
        'preprocess',
        file('photo.jpg'),
        '--out',
        file('no/such/x.png'),
      )
      expect([code, stderr]).toEqual([2, expect.stringContaining('--out expects a writable file')])
    })
  })

  describe('info', () => {
    test('prints format, mode, size, EXIF and crop box', async () => {
      const photo = await gradient(600, 400)
        .withExif({ IFD0: { Make: 'A camera\x1b[31m', Copyright: 'somebody' }, IFD2: { FNumber: '28/10' } })
        .jpeg({ quality: 90 })
        .toBuffer()
      await writeFile(file('exif.jpg'), photo)
      const { code, stdout } = await sandbox.run('photo', 'info', file('exif.jpg'), '--model', 'clip-vit-b-32')
      expect(code).toBe(0)
      expect(stdout).toMatch(/format +JPEG/)
      expect(stdout).toMatch(/mode +RGB, 8 bits per channel/)
      expect(stdout).toMatch(/size +600×400 \(240,000 pixels\)/)
      expect(stdout).toMatch(/EXIF make +A camera/)
      expect(stdout).not.toContain('\x1b')
      expect(stdout).toMatch(/EXIF aperture +2\.8/)
      expect(stdout).toMatch(/resized to +336×224/)
      expect(stdout).toMatch(/crop box +400×400 pixels at \(100, 0\)/)
      expect(stdout).toMatch(/stored copy +encoded again/)
    })

    test('gives one object with --json', async () => {
      const small = await gradient(300, 200).jpeg({ quality: 60 }).toBuffer()
      await writeFile(file('small.jpg'), small)
      const { objects } = await sandbox.run('photo', 'info', file('small.jpg'), '--json')
      expect(objects()).toEqual([
        expect.objectContaining({ format: 'JPEG', mode: 'RGB', copy: 'kept as it is, without metadata' }),
      ])
    })
  })

  test('show takes the id of a photo that is called as a command', async () => {
    const { code, stderr } = await sandbox.run('photo', 'show', 'info', '--json')
    expect([code, JSON.parse(stderr)]).toEqual([
      1,
      { error: 'NOT_FOUND', message: 'The database has no photo "info".' },
    ])
  })
})
