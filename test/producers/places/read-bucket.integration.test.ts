import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CopyObjectCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openInput } from '../../../src/producers/input/open-input.js'
import type { PhotoRow, SourceRow } from '../../../src/producers/input/source.js'
import { S3Objects } from '../../../src/storage/s3-objects.js'
import { readObject } from '../../../src/workers/stages/read-object.js'
import { jpegPhoto } from '../../support/images/sample-images.js'
import { type S3Server, s3Server } from '../../support/servers/s3.js'

describe('photos in a bucket', () => {
  let server: S3Server
  let client: S3Client
  let objects: S3Objects
  let photo: Buffer
  const options = () => ({ region: 'us-east-1', endpoint: server.endpoint, forcePathStyle: true })
  const put = (Key: string, Body: Buffer | string) =>
    client.send(new PutObjectCommand({ Bucket: server.bucket, Key, Body }))
  const at = (key = '') => `s3://${server.bucket}${key === '' ? '' : `/${key}`}`

  beforeAll(async () => {
    server = await s3Server()
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value)
    client = new S3Client(options())
    objects = new S3Objects({ ...options(), timeoutMs: 60_000 })
    photo = await jpegPhoto()
  })
  afterAll(async () => {
    await objects.close()
    client.destroy()
    await server.close()
    vi.unstubAllEnvs()
  })

  async function read(path: string) {
    const source = await openInput(path, { objects: async () => objects })
    const rows: PhotoRow[] = []
    for await (const row of source.rows()) rows.push(row as PhotoRow)
    return { rows, source }
  }
  const bytesOf = ({ photo, path }: PhotoRow, folders = [at()], maxBytes = 1e6) =>
    readObject(photo.photo_id, [{ path: path!, isHere: true }], { objects, folders, maxBytes })

  test('are listed by their names, and by their first bytes where there is no extension; the others are counted', async () => {
    for (const key of ['a/1.jpg', 'a/2.CR2', 'a/2.jpg', 'a/3.dng', 'a/no extension', 'a/.hidden.jpg', 'b/1.jpg'])
      await put(key, key === 'a/1.jpg' ? photo : Buffer.concat([photo, Buffer.from(key)]))
    await put('a/notes.txt', 'words')
    await put('a/words', 'words')
    await put('a/empty.jpg', '')
    await put('ab/1.jpg', photo)
    const { rows, source } = await read(at('a/'))
    expect(source.kind).toBe('bucket')
    const found = ['1.jpg', '2.jpg', '3.dng', 'no extension'].map(name => at(`a/${name}`))
    expect(rows.map(row => row.path)).toEqual(found)
    expect(rows.at(-1)!.photo.photo_image_url).toBe(at('a/no%20extension'))
    expect(source.skipped).toMatchObject({ paired: 1, byType: { txt: 1, unknown: 1 } })
    expect((await read(at('a/1.jpg'))).rows.map(row => row.path)).toEqual([at('a/1.jpg')])
  })

  test('of a RAW file and its JPEG are one: the RAW file if it is embedded already and the JPEG is new', async () => {
    for (const key of ['r/1.CR2', 'r/1.jpg', 'r/2.jpg']) await put(key, Buffer.concat([photo, Buffer.from(key)]))
    const { source } = await read(at('r'))
    const listed = async (...embedded: string[]) => {
      const ids = new Map<string, string>()
      const unchanged = async (files: readonly { path: string }[]) =>
        new Map(files.flatMap(({ path }) => (ids.has(path) ? [[path, ids.get(path)!] as const] : [])))
      const paths: string[] = []
      for (const path of embedded)
        for await (const row of (await openInput(path, { objects: async () => objects })).rows())
          ids.set(path, row.photo!.photo_id)
      for await (const row of source.rows({ unchanged })) paths.push(row.path!)
      return paths
    }
    expect(await listed()).toEqual([at('r/1.jpg'), at('r/2.jpg')])
    expect(await listed(at('r/1.CR2'))).toEqual([at('r/1.CR2'), at('r/2.jpg')])
    expect(await listed(at('r/1.CR2'), at('r/1.jpg'))).toEqual([at('r/1.jpg'), at('r/2.jpg')])
  })

  test('are one photo with the same bytes, whatever their keys, and are read as they were listed', async () => {
    const keys = ['c/ü & +%41.jpg', 'd/copy.jpg']
    for (const key of keys) await put(key, photo)
    const rows = [...(await read(at('c'))).rows, ...(await read(at('d'))).rows]
    expect(rows.map(row => row.path)).toEqual(keys.map(at))
    expect(new Set(rows.map(row => row.photo.photo_id)).size).toBe(1)
    for (const row of rows) expect(await bytesOf(row)).toEqual(photo)
  })

  /** Another server: what s3rver does not do. @param answer to the path and the query of a request */
  async function otherServer(answer: (url: URL, response: ServerResponse) => void): Promise<S3Objects> {
    const other = createServer((request, response) => answer(new URL(request.url!, 'http://s3'), response))
    await once(other.listen(0, '127.0.0.1'), 'listening')
    const { port } = other.address() as AddressInfo
    const reader = new S3Objects({
      ...options(),
      endpoint: `http://127.0.0.1:${port}`,
      timeoutMs: 60_000,
      maxAttempts: 1,
    })
    onTestFinished(async () => {
      await reader.close()
      other.closeAllConnections()
      other.close()
    })
    return reader
  }
  const listing = (entries: readonly { key: string; etag?: string }[], about = '<IsTruncated>false</IsTruncated>') => {
    const contents = entries.map(
      ({ key, etag = 'e' }) =>
        `<Contents><Key>${encodeURIComponent(key)}</Key><ETag>"${etag}"</ETag><Size>9</Size></Contents>`,
    )
    return `<ListBucketResult><EncodingType>url</EncodingType>${about}${contents.join('')}</ListBucketResult>`
  }
  const keysOf = async (reader: S3Objects) => {
    const keys: string[] = []
    for await (const page of reader.list('bucket', 'p/')) keys.push(...page.map(object => object.key))
    return keys
  }

  test('come page after page', async () => {
    // s3rver breaks off at the end of a page.
    const paged = await otherServer(({ searchParams }, response) => {
      const token = searchParams.get('continuation-token') ?? '0'
      const next = `<NextContinuationToken>${Number(token) + 1}</NextContinuationToken>`
      const more = token === '2' ? undefined : `<IsTruncated>true</IsTruncated>${next}`
      response.end(listing([{ key: `p/${token} &.jpg` }], more))
    })
    expect(await keysOf(paged)).toEqual(['p/0 &.jpg', 'p/1 &.jpg', 'p/2 &.jpg'])
  })

  test.each([
    ['ends before its end', '<IsTruncated>true</IsTruncated>'],
    ['comes again and again', '<IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>'],
  ])('of a listing that %s are an error: the rest would count as gone', async (_, about) => {
    const part = await otherServer((_, response) => void response.end(listing([{ key: 'p/1.jpg' }], about)))
    await expect(keysOf(part)).rejects.toMatchObject({
      name: 'ObjectReadError',
      message: expect.stringContaining('part'),
    })
  })

  test('are bad rows where nothing tells what they are, with a path, so that none counts as gone', async () => {
    const keys = ['1.jpg', 'gone', 'late', 'nul\0.jpg', 'nothing.jpg', 'secret', 'whole']
    const odd = await otherServer(({ pathname, searchParams }, response) => {
      if (searchParams.has('list-type'))
        response.end(listing(keys.map(key => ({ key: `p/${key}`, etag: key === 'nothing.jpg' ? '' : 'e' }))))
      else if (pathname.endsWith('/whole')) {
        // A server that knows no ranges: the rest of the object is not waited for.
        response.writeHead(200, { 'content-length': 1e9 }).write(photo)
      } else {
        const status = pathname.endsWith('/gone') ? 404 : pathname.endsWith('/late') ? 503 : 403
        response.writeHead(status).end(status === 404 ? '<Error><Code>NoSuchKey</Code></Error>' : '')
      }
    })
    const source = await openInput('s3://bucket/p', { objects: async () => odd })
    const rows: SourceRow[] = []
    for await (const row of source.rows()) rows.push(row)
    expect(rows.map(({ path, problem }) => [path, problem?.code])).toEqual([
      ['s3://bucket/p/1.jpg', undefined],
      ['s3://bucket/p/late', 'UNREADABLE'],
      ['s3://bucket/p/nul\0.jpg', 'UNREADABLE'],
      ['s3://bucket/p/nothing.jpg', 'UNREADABLE'],
      ['s3://bucket/p/secret', 'UNREADABLE'],
      ['s3://bucket/p/whole', undefined],
    ])
    expect(source.skipped?.byType).toEqual({ unknown: 1 })
  })

  test('fail by name when they changed, are gone or are too large, and are left to others where nobody permitted it', async () => {
    for (const key of ['e/1.jpg', 'e/2.jpg']) await put(key, Buffer.concat([photo, Buffer.from(key)]))
    const [changed, gone] = (await read(at('e'))).rows as [PhotoRow, PhotoRow]
    await expect(bytesOf(changed, [at()], 100)).rejects.toMatchObject({ code: 'TOO_LARGE' })
    for (const folders of [[], [at('other')], ['/'], [at('e/1')]])
      await expect(bytesOf(changed, folders), String(folders)).rejects.toMatchObject({ name: 'OutOfReachError' })
    await client.send(
      new CopyObjectCommand({ Bucket: server.bucket, Key: 'e/1.jpg', CopySource: `${server.bucket}/e/2.jpg` }),
    )
    await client.send(new DeleteObjectCommand({ Bucket: server.bucket, Key: 'e/2.jpg' }))
    await expect(bytesOf(changed, [at('e')])).rejects.toMatchObject({ code: 'CONTENT_CHANGED', retryable: false })
    await expect(bytesOf(gone)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND', retryable: false })
  })

  test('are left to others by a worker without the right credentials, and tried again where no server answers', async () => {
    await put('f/1.jpg', photo)
    const [row] = (await read(at('f'))).rows as [PhotoRow]
    const as = async (connection: object) => {
      const other = new S3Objects({ ...options(), ...connection, timeoutMs: 60_000, maxAttempts: 1 })
      const place = { path: row.path!, isHere: true }
      const reading = readObject(row.photo.photo_id, [place], { objects: other, folders: [at()], maxBytes: 1e6 })
      return reading.catch(error => error).finally(() => other.close())
    }
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'WRONG')
    expect(await as({})).toMatchObject({ name: 'OutOfReachError', why: expect.stringContaining('403') })
    vi.stubEnv('AWS_ACCESS_KEY_ID', server.env.AWS_ACCESS_KEY_ID)
    expect(await as({ endpoint: 'http://127.0.0.1:1' })).toMatchObject({ code: 'CONNECTION_FAILED', retryable: true })
  })

  test('of a bucket that does not exist, or of a prefix without any, are an error with a way out', async () => {
    const opening = (path: string) => openInput(path, { objects: async () => objects })
    await expect(opening('s3://no-such-bucket/x')).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' })
    await expect(opening(at('nothing'))).rejects.toMatchObject({ code: 'INPUT_INVALID' })
    await expect(opening('s3://B/x')).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  })
})
