import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3'
import { S3Store } from '../../../src/storage/s3-store.js'

/** What is used of s3rver, which comes without types. */
interface S3rver {
  run(): Promise<{ address: string; port: number }>
  close(): Promise<void>
  httpServer: { closeAllConnections(): void }
  store: {
    getResourcePath(bucket: string, key: string, resource: string): string
    deleteObject(bucket: string, key: string): Promise<void>
  }
}
const S3rver = createRequire(import.meta.url)('s3rver') as new (options: Record<string, unknown>) => S3rver

export interface S3Server {
  /** `http://127.0.0.1:port` */
  endpoint: string
  /** Exists from the start. */
  bucket: string
  /** What the AWS SDK reads its credentials from. */
  env: { AWS_ACCESS_KEY_ID: string; AWS_SECRET_ACCESS_KEY: string }
  /** A store below a prefix of the bucket. Needs `env` in the environment. */
  store(prefix?: string, partBytes?: number): S3Store
  close(): Promise<void>
}

/** s3rver's only key. */
export const S3_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' }

/** A bucket for this test on the server of TEST_S3_ENDPOINT, or a server of the test's own. */
export function s3Server(): Promise<S3Server> {
  const given = process.env.TEST_S3_ENDPOINT
  return given === undefined ? startS3() : borrowBucket(given)
}

async function borrowBucket(endpoint: string): Promise<S3Server> {
  const env = {
    AWS_ACCESS_KEY_ID: process.env.TEST_S3_ACCESS_KEY_ID ?? S3_CREDENTIALS.AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY: process.env.TEST_S3_SECRET_ACCESS_KEY ?? S3_CREDENTIALS.AWS_SECRET_ACCESS_KEY,
  }
  const bucket = `uc-test-${randomBytes(6).toString('hex')}`
  const client = new S3Client({
    endpoint,
    forcePathStyle: true,
    region: 'us-east-1',
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
  })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  return {
    endpoint,
    bucket,
    env,
    store: storeOf(endpoint, bucket),
    close: async () => {
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket }))
        for (const { Key } of Contents) await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }))
      await client.send(new DeleteBucketCommand({ Bucket: bucket }))
      client.destroy()
    },
  }
}

function storeOf(endpoint: string, bucket: string): (prefix?: string, partBytes?: number) => S3Store {
  return (prefix = '', partBytes) =>
    new S3Store({ bucket, prefix, partBytes, region: 'us-east-1', endpoint, forcePathStyle: true, maxAttempts: 1 })
}

/** An S3-compatible server in this process, on a free port, in a temporary folder. */
export async function startS3(bucket = 'photos'): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'unsplash-clip-s3-'))
  const options = { address: '127.0.0.1', port: 0, silent: true, directory, configureBuckets: [{ name: bucket }] }
  const server = new S3rver(options)
  // s3rver removes a folder that has become empty, even while another request is about to create an object in it; that
  // write then fails outside any request and takes the process along. Here folders stay.
  server.store.deleteObject = async (bucket, key) => {
    const resources = ['object', 'object.md5', 'metadata.json']
    await Promise.all(resources.map(it => rm(server.store.getResourcePath(bucket, key, it), { force: true })))
  }
  const { port } = await server.run()
  const endpoint = `http://127.0.0.1:${port}`
  return {
    endpoint,
    bucket,
    env: S3_CREDENTIALS,
    store: storeOf(endpoint, bucket),
    close: async () => {
      server.httpServer.closeAllConnections()
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
