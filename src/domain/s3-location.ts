/** `prefix` has no slash at either end; empty: the whole bucket. */
export interface S3Location {
  bucket: string
  prefix: string
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; self-hosted servers are no stricter. */
const BUCKET_NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

/** Parses `s3://bucket/prefix`. @returns null for anything else */
export function parseS3Location(text: string): S3Location | null {
  const [, rest] = /^s3:\/\/(.*)$/is.exec(text) ?? []
  if (rest === undefined) return null
  const [bucket = '', ...segments] = rest.split('/')
  return BUCKET_NAME.test(bucket) ? { bucket, prefix: segments.filter(segment => segment !== '').join('/') } : null
}

/** A location without what stands before the host: it may be credentials. */
export function withoutCredentials(location: string): string {
  return location.replace(/\/\/[^/]*@/, '//')
}
