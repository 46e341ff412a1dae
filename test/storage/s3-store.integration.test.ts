import { request as send } from 'node:http'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { S3Store } from '../../src/storage/s3-store.js'
import { freePort } from '../support/servers/free-port.js'
import { startHttp } from '../support/servers/http-server.js'
import { S3_CREDENTIALS, type S3Server, startS3 } from '../support/servers/s3.js'

let server: S3Server
beforeAll(async () => {
  for (const [name, value] of Object.entries(S3_CREDENTIALS)) vi.stubEnv(name, value)
  server = await startS3()
})
afterAll(async () => {
  await server.close()
  vi.unstubAllEnvs()
})

async function collect(keys: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const key of keys) found.push(key)
  return found
}

function storeAt(endpoint: string, bucket = server.bucket): S3Store {
  return new S3Store({ bucket, prefix: '', region: 'us-east-1', endpoint, forcePathStyle: true, maxAttempts: 2 })
}

test('Two prefixes of one bucket do not see each other', async () => {
  const [one, two] = [server.store('one'), server.store('two/deep')]
  await one.put('a', Buffer.from('1'), 'text/plain')
  await two.put('a', Buffer.from('2'), 'text/plain')
  expect(await one.get('a')).toEqual(Buffer.from('1'))
  expect(await two.get('a')).toEqual(Buffer.from('2'))
  expect(await collect(one.list())).toEqual(['a'])
  for (const store of [one, two]) await store.close()
})

test('An object keeps its content type', async () => {
  const store = server.store('typed')
  await store.put('a.jpg', Buffer.from('x'), 'image/jpeg')
  const answer = await fetch(`${server.endpoint}/${server.bucket}/typed/a.jpg`)
  expect(answer.headers.get('content-type')).toBe('image/jpeg')
  await store.close()
})

test('A bucket that does not exist fails the check, and the message says which and what to do', async () => {
  const store = storeAt(server.endpoint, 'nowhere')
  const error = await store.check().catch(error => error)
  expect(error).toMatchObject({ name: 'AppError', code: 'STORE_UNREACHABLE' })
  expect(error.message).toContain('s3://nowhere')
  expect(error.message).toContain('NoSuchBucket')
  expect(error.message).toContain('OBJECT_STORE')
  await store.close()
})

test('Reading from a bucket that does not exist is a failure, not a missing object', async () => {
  const store = storeAt(server.endpoint, 'nowhere')
  await expect(store.get('a')).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: false })
  await store.close()
})

test('A server that is not there fails the check when opening and the photo when in use', async () => {
  const store = storeAt(`http://127.0.0.1:${await freePort()}`)
  await expect(store.check()).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
  await expect(store.put('a', Buffer.from('x'), 'text/plain')).rejects.toMatchObject({
    code: 'STORE_FAILED',
    retryable: true,
  })
  await expect(store.has('a')).rejects.toMatchObject({ code: 'STORE_FAILED' })
  await expect(collect(store.list())).rejects.toMatchObject({ code: 'STORE_FAILED' })
  await store.close()
})

test('A key that the server does not know fails the check', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'unknown')
  const store = storeAt(server.endpoint)
  await expect(store.check()).rejects.toThrow(/InvalidAccessKeyId/)
  await store.close()
  vi.stubEnv('AWS_ACCESS_KEY_ID', S3_CREDENTIALS.AWS_ACCESS_KEY_ID)
})

test('A listing goes on over all its pages', async () => {
  const pages: Record<string, string> = {
    '': '<IsTruncated>true</IsTruncated><NextContinuationToken>2</NextContinuationToken><Contents><Key>a</Key></Contents>',
    '2': '<IsTruncated>true</IsTruncated><NextContinuationToken>3</NextContinuationToken>',
    '3': '<IsTruncated>false</IsTruncated><Contents><Key>b</Key></Contents><Contents><Key>c</Key></Contents>',
  }
  const paged = await startHttp((request, response) => {
    const token = new URL(request.url!, 'http://x').searchParams.get('continuation-token') ?? ''
    response.end(`<?xml version="1.0"?><ListBucketResult>${pages[token]}</ListBucketResult>`)
  })
  const store = storeAt(paged.origin)
  expect(await collect(store.list())).toEqual(['a', 'b', 'c'])
  await store.close()
  await paged.close()
})

test('A server that takes the connection and says nothing is given up', async () => {
  const mute = await startHttp(() => {})
  const options = { bucket: 'photos', prefix: '', region: 'us-east-1', endpoint: mute.origin, forcePathStyle: true }
  const store = new S3Store({ ...options, maxAttempts: 1, requestTimeoutMs: 200 })
  await expect(store.get('a')).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: true })
  await store.close()
  await mute.close()
})

/** Answers like S3 with a policy: the rights that are missing, by their methods. */
async function storeWithoutRights(...missing: string[]) {
  const { hostname, port } = new URL(server.endpoint)
  const front = await startHttp((request, response) => {
    const { method = '', url, headers } = request
    const forbid = () => {
      request.resume()
      response.writeHead(403, { 'content-type': 'application/xml' })
      response.end(
        method === 'HEAD' ? undefined : '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
      )
    }
    if (missing.includes(method)) return forbid()
    const onward = send({ hostname, port, method, path: url, headers }, answer => {
      // Without s3:ListBucket nobody learns that an object is missing.
      if (answer.statusCode === 404 && missing.includes('LIST')) {
        answer.resume()
        return forbid()
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    request.pipe(onward)
  })
  const store = storeAt(front.origin)
  return {
    store,
    async close() {
      await store.close()
      await front.close()
    },
  }
}

describe('With only some of the rights', () => {
  test.each([
    ['s3:ListBucket', ['LIST']],
    ['s3:GetObject', ['GET', 'HEAD']],
    ['s3:DeleteObject', ['DELETE']],
    ['all but s3:PutObject', ['LIST', 'GET', 'HEAD', 'DELETE']],
  ])('copies are stored without %s', async (_name, missing) => {
    const { store, close } = await storeWithoutRights(...missing)
    const key = `without-${missing.join('-')}`
    await store.check()
    expect(await store.has(key)).toBe(false)
    await store.put(key, Buffer.from('1'), 'text/plain')
    await store.put(key, Buffer.from('2'), 'text/plain')
    const whole = server.store()
    expect(await whole.get(key)).toEqual(Buffer.from('2'))
    await whole.close()
    await close()
  })

  test('a right that is needed is named: to write at the start, to read with the object', async () => {
    const { store, close } = await storeWithoutRights('PUT', 'GET')
    await expect(store.check()).rejects.toThrow(/AccessDenied.*s3:PutObject on arn:aws:s3:::.*\/\*/)
    await expect(store.put('a', Buffer.from('1'), 'text/plain')).rejects.toMatchObject({
      code: 'STORE_FAILED',
      retryable: false,
      message: expect.stringContaining('expected the right s3:PutObject on arn:aws:s3:::'),
    })
    await expect(store.get('a')).rejects.toThrow(/s3:GetObject/)
    await close()
  })
})

test('A refusal for good is told from an outage', async () => {
  let answer: [status: number, code: string] = [200, '']
  const front = await startHttp((request, response) => {
    request.resume()
    response.writeHead(answer[0], { 'content-type': 'application/xml' }).end(`<Error><Code>${answer[1]}</Code></Error>`)
  })
  const options = { bucket: 'photos', prefix: '', region: 'us-east-1', endpoint: front.origin, forcePathStyle: true }
  const store = new S3Store({ ...options, maxAttempts: 1 })
  const isRetryable = async (status: number, code: string): Promise<boolean> => {
    answer = [status, code]
    const failure = await store.put('a', Buffer.from('x'), 'text/plain').catch(error => error)
    expect(failure).toMatchObject({ code: 'STORE_FAILED' })
    return failure.retryable
  }
  const refusals: [number, string][] = [
    [301, 'PermanentRedirect'],
    [400, 'EntityTooLarge'],
    [413, 'EntityTooLarge'],
    [400, 'KeyTooLongError'],
    [400, 'InvalidRequest'],
    [400, 'AuthorizationHeaderMalformed'],
    [400, 'KMS.DisabledException'],
    [403, 'AccessDenied'],
    [403, 'InvalidAccessKeyId'],
    [403, 'SignatureDoesNotMatch'],
    [404, 'NoSuchBucket'],
    [405, 'MethodNotAllowed'],
  ]
  const outages: [number, string][] = [
    [400, 'RequestTimeout'],
    [400, 'ExpiredToken'],
    [403, 'RequestTimeTooSkewed'],
    [403, 'QuotaExceeded'],
    [409, 'OperationAborted'],
    [429, 'TooManyRequests'],
    [500, 'InternalError'],
    [503, 'SlowDown'],
    [507, 'XMinioStorageFull'],
  ]
  for (const [status, code] of refusals) expect([code, await isRetryable(status, code)]).toEqual([code, false])
  for (const [status, code] of outages) expect([code, await isRetryable(status, code)]).toEqual([code, true])
  await store.close()
  await front.close()
})
