import { open } from 'node:fs/promises'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'

/** Bytes of a part: one is in memory at a time. S3 takes parts from 5 MiB on, but for the last one. */
const PART_BYTES = 64 << 20
/** The most that S3 takes. */
const MOST_PARTS = 10_000

/**
 * Puts a local file of any size, atomically: in one request if it is no larger than a part, else in parts. (One request takes
 * 5 GB at most.) After a failure the parts are removed, where the user may.
 */
export async function uploadFile(
  client: S3Client,
  object: { Bucket: string; Key: string },
  path: string,
  contentType: string,
  least = PART_BYTES,
): Promise<void> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const partBytes = Math.max(least, Math.ceil(size / MOST_PARTS))
    const read = async (from: number): Promise<Buffer> => {
      const bytes = Buffer.allocUnsafe(Math.min(partBytes, size - from))
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, from + at)
        if (bytesRead === 0) throw new Error(`${path} became shorter while it was sent`)
        at += bytesRead
      }
      return bytes
    }
    if (size <= partBytes) {
      const Body = await read(0)
      await client.send(new PutObjectCommand({ ...object, Body, ContentLength: size, ContentType: contentType }))
      return
    }
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...object, ContentType: contentType }))
    try {
      const Parts: CompletedPart[] = []
      for (let from = 0; from < size; from += partBytes) {
        const PartNumber = Parts.length + 1
        const Body = await read(from)
        const part = { ...object, UploadId, PartNumber, Body, ContentLength: Body.length }
        const { ETag } = await client.send(new UploadPartCommand(part))
        Parts.push({ ETag, PartNumber })
      }
      await client.send(new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload: { Parts } }))
    } catch (error) {
      await client.send(new AbortMultipartUploadCommand({ ...object, UploadId })).catch(() => {})
      throw error
    }
  } finally {
    await file.close()
  }
}
