const SEGMENT = /^[A-Za-z0-9._-]+$/
/** S3's limit, in bytes; every character of a key is one. */
const MAX_LENGTH = 1024

/** Whether a text is a key of an object: a relative path of `[A-Za-z0-9._-]` segments that leads nowhere else. */
export function isObjectKey(text: string): boolean {
  return (
    text.length <= MAX_LENGTH &&
    text.split('/').every(segment => SEGMENT.test(segment) && segment !== '.' && segment !== '..')
  )
}

/** @throws RangeError for anything that is not a key */
export function assertObjectKey(key: string): void {
  if (!isObjectKey(key))
    throw new RangeError(`expected an object key of [A-Za-z0-9._-] segments, found ${JSON.stringify(key)}`)
}
