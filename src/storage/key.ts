const SEGMENT = /^[A-Za-z0-9._-]+$/
/** S3's limit, in bytes. Every character of a key has one byte. */
const MAX_LENGTH = 1024

/** Returns whether a text is an object key: a relative path of `[A-Za-z0-9._-]` segments without `.` and `..`. */
export function isObjectKey(text: string): boolean {
  return (
    text.length <= MAX_LENGTH &&
    text.split('/').every(segment => SEGMENT.test(segment) && segment !== '.' && segment !== '..')
  )
}

/** Checks a key. @throws RangeError for any other text */
export function assertObjectKey(key: string): void {
  if (!isObjectKey(key))
    throw new RangeError(`expected an object key of [A-Za-z0-9._-] segments, found ${JSON.stringify(key)}`)
}
