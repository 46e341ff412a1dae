import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { signedCopiesOf } from '../../src/compose/signed-copies.js'
import { copyKey } from '../../src/domain/places/copy-key.js'
import type { FolderStore } from '../../src/storage/folder-store.js'
import { freshDatabases } from '../db/fresh-databases.js'
import { embeddedServer } from '../support/servers/postgres.js'
import { type S3Server, s3Server } from '../support/servers/s3.js'
import { plantPhotos, removeStore, startApi, type TestApi } from './support.js'

describe('pictures of the HTTP API', () => {
  const fresh = freshDatabases(embeddedServer)
  let api: TestApi
  let store: FolderStore | undefined

  beforeAll(async () => {
    const { database, modelId } = await fresh()
    store = await plantPhotos(database, modelId)
    api = await startApi(database, store)
  })
  afterAll(async () => {
    await api?.close()
    removeStore(store)
  })

  const bytes = async (response: Response) => Buffer.from(await response.arrayBuffer())
  const COPY = '/copies/h512-q65/dog.jpg'
  const stored = () => store!.get(copyKey('dog', { height: 512, quality: 65 }))

  test('GET /api/v1/copies/{settings}/{file} serves the stored copy, to be kept forever', async () => {
    const response = await api.get(COPY)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/jpeg',
      'cache-control': 'private, max-age=31536000, immutable',
      'accept-ranges': 'bytes',
    })
    expect(await bytes(response)).toEqual(await stored())
    expect(api.log.filter(line => JSON.parse(line).level >= 40)).toEqual([])
    const again = await api.get(COPY, { headers: { 'if-none-match': response.headers.get('etag')! } })
    expect(again.status).toBe(304)
  })

  test('serves copies of a few heights, and never a larger one', async () => {
    const small = await bytes(await api.get(`${COPY}?height=128`))
    expect(await sharp(small).metadata()).toMatchObject({ format: 'jpeg', width: 192, height: 128 })
    expect((await api.get(`${COPY}?height=129`)).status).toBe(400)
    expect((await api.get(`${COPY}?height=100000`)).status).toBe(400)
  })

  test('serves ranges of copies', async () => {
    const whole = (await stored())!
    const ranged = (range: string, headers = {}) => api.get(COPY, { headers: { range, ...headers } })
    const part = await ranged('bytes=10-19')
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 10-19/${whole.length}`])
    expect(await bytes(part)).toEqual(whole.subarray(10, 20))
    expect(await bytes(await ranged('bytes=-5'))).toEqual(whole.subarray(-5))
    expect(await bytes(await ranged('bytes=0-0,5-6'))).toEqual(whole)
    const changed = await ranged('bytes=0-9', { 'if-range': '"other"' })
    expect([changed.status, changed.headers.get('content-range')]).toEqual([200, null])
    const behind = await ranged('bytes=9999999-')
    expect([behind.status, behind.headers.get('content-range')]).toEqual([416, `bytes */${whole.length}`])
    expect(await behind.json()).toMatchObject({ code: 'RANGE_INVALID', field: 'headers.range' })
  })

  test('GET /api/v1/photos/{id}/copy finds the copy of a photo, and says where there is none', async () => {
    const response = await api.get('/photos/dog/copy')
    expect(response.headers.get('cache-control')).toBe('private, no-cache')
    expect(await bytes(response)).toEqual(await stored())
    expect((await api.get('/photos/nowhere/copy')).status).toBe(404)
    await store!.delete(copyKey('snow', { height: 512, quality: 65 }))
    const gone = await api.get('/photos/snow/copy')
    expect(gone.status).toBe(404)
    expect(await gone.json()).toMatchObject({ code: 'COPY_NOT_FOUND' })
  })

  test('GET /api/v1/photos/{id}/square shows what the model sees', async () => {
    const png = await bytes(await api.get('/photos/dog/square'))
    expect(await sharp(png).metadata()).toMatchObject({ format: 'png', width: 2, height: 2 })
  })

  test.each([
    '/copies/..%2f..%2fetc/passwd',
    '/copies/%2e%2e/%2e%2e',
    '/copies/h512-q65/..%2f..%2fsecret.jpg',
    '/copies/h512-q65/..%5csecret.jpg',
    '/copies/h512-q65/dog.jpg%00.jpg',
    '/copies/check-1/dog.jpg',
    '/copies/h512-q65/.tmp.jpg',
    '/photos/..%2f..%2fetc%2fpasswd/copy',
  ])('never leaves the copies: %s', async path => {
    const response = await api.get(path)
    expect([400, 404]).toContain(response.status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
  })

  describe('of a bucket whose addresses are signed', () => {
    let bucket: S3Server
    let signed: TestApi
    beforeAll(async () => {
      bucket = await s3Server()
      for (const [name, value] of Object.entries(bucket.env)) vi.stubEnv(name, value)
      const copies = bucket.store('copies')
      await copies.put('h512-q65/dog.jpg', (await stored())!, 'image/jpeg')
      const signedCopies = await signedCopiesOf(copies)
      signed = await startApi(api.database, store!, { parts: { store: async () => copies, signedCopies } })
    })
    afterAll(async () => {
      await signed?.close()
      await bucket?.close()
      vi.unstubAllEnvs()
    })

    test('redirects to a whole copy, which the bucket sends to everybody with the address', async () => {
      for (const path of [COPY, '/photos/dog/copy']) {
        const answer = await signed.get(path, { redirect: 'manual' })
        expect([answer.status, answer.headers.get('cache-control')]).toEqual([302, 'private, max-age=600'])
        const location = new URL(answer.headers.get('location')!)
        expect(location.origin).toBe(bucket.endpoint)
        expect(location.searchParams.get('X-Amz-Expires')).toBe('900')
        expect(await bytes(await fetch(location))).toEqual(await stored())
        // A page may show what it is sent to.
        expect(answer.headers.get('content-security-policy')).toContain(
          `img-src 'self' data: blob: ${bucket.endpoint};`,
        )
      }
      expect(signed.log.join('')).not.toContain('X-Amz-Signature')
    })

    test('sends other heights, and headers, itself, and says what is missing', async () => {
      const small = await signed.get(`${COPY}?height=128`, { redirect: 'error' })
      expect(await sharp(await bytes(small)).metadata()).toMatchObject({ height: 128 })
      expect((await signed.get(COPY, { method: 'HEAD', redirect: 'error' })).status).toBe(200)
      for (const path of ['/copies/h512-q65/nowhere.jpg', '/copies/..%2f..%2fsecret/dog.jpg']) {
        const missing = await signed.get(path, { redirect: 'error' })
        expect([missing.status, await missing.json()]).toEqual([
          404,
          expect.objectContaining({ code: 'COPY_NOT_FOUND' }),
        ])
      }
    })

    test('is refused for copies in a folder', async () => {
      await expect(signedCopiesOf(store!)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/^S3_SIGNED_COPIES: expected copies in a bucket .* found the folder/),
      })
    })
  })
})
