import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'
import { type S3Server, s3Server } from '../../support/servers/s3.js'

const picture = (background: string) =>
  sharp({ create: { width: 60, height: 40, channels: 3, background } })
    .withExif({ IFD0: { Model: 'Box camera' } })
    .jpeg()
    .toBuffer()

describe('photos of a bucket', () => {
  let server: S3Server
  let client: S3Client
  let sandbox: Sandbox
  const at = (key: string) => `s3://${server.bucket}/${key}`
  const ingest = (...args: string[]) => sandbox.run('ingest', at('photos'), '--label-set', 'none', ...args)

  beforeAll(async () => {
    server = await s3Server()
    const settings = { S3_ENDPOINT: server.endpoint, S3_REGION: 'us-east-1', S3_FORCE_PATH_STYLE: 'true' }
    sandbox = await Sandbox.create({ ...settings, ...server.env })
    const credentials = { accessKeyId: server.env.AWS_ACCESS_KEY_ID, secretAccessKey: server.env.AWS_SECRET_ACCESS_KEY }
    client = new S3Client({ endpoint: server.endpoint, region: 'us-east-1', forcePathStyle: true, credentials })
    for (const colour of ['red', 'green', 'blue']) await put(`photos/${colour} sky.jpg`, await picture(colour))
    await put('photos/copy.jpg', await picture('red'))
    await put('photos/list.txt', 'words')
  })
  afterAll(async () => {
    client.destroy()
    await sandbox.close()
    await server.close()
  })

  const put = (Key: string, Body: Buffer | string) =>
    client.send(new PutObjectCommand({ Bucket: server.bucket, Key, Body }))

  test('are embedded by workers that read them there, and are named by their addresses', async () => {
    const first = await ingest('--processes', '1')
    expect(first, first.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('3 of 3 photos embedded') })
    expect(first.stdout).toContain('Skipped 1 file: 1 txt')
    const found = await sandbox.run('search', 'green', '-k', '3', '--json')
    expect(found.objects().map(hit => hit.path)).toContain(at('photos/green sky.jpg'))
    expect(found.objects()[0]).toMatchObject({ photo: { exif_camera_model: 'Box camera' } })
    const again = await ingest('--json')
    expect(again.objects()[0]).toMatchObject({ photos: 3, copies: 1, enqueuedPhotos: 0, alreadyEmbedded: 3 })
  })

  test('are not the stored copies, where these lie below the prefix', async () => {
    await put('photos/copies/h512-q65/a.jpg', await picture('white'))
    const rows = async () => (await ingest('--dry-run', '--json')).objects()[0]!.rows
    const before = await rows()
    sandbox.environment.OBJECT_STORE = at('photos/copies/')
    expect(await rows()).toBe(Number(before) - 1)
    delete sandbox.environment.OBJECT_STORE
    await client.send(new DeleteObjectCommand({ Bucket: server.bucket, Key: 'photos/copies/h512-q65/a.jpg' }))
  })

  test('that are gone are removed by --sync; a photo with another object stays', async () => {
    for (const Key of ['photos/red sky.jpg', 'photos/blue sky.jpg'])
      await client.send(new DeleteObjectCommand({ Bucket: server.bucket, Key }))
    const { code, stdout } = await ingest('--sync', '--yes')
    expect([code, stdout]).toEqual([0, expect.stringContaining('Removed 1 photo')])
    const rest = await sandbox.run('search', 'sky', '--json')
    expect(
      rest
        .objects()
        .map(hit => hit.path)
        .sort(),
    ).toEqual([at('photos/copy.jpg'), at('photos/green sky.jpg')])
    const list = join(sandbox.home, 'takedown.txt')
    await writeFile(list, `${at('photos/green sky.jpg')}\n`)
    const removed = await sandbox.run('photo', 'rm', '--from', list, '--yes')
    expect(removed.stdout).toContain('Removed 1 photo')
  })
})
