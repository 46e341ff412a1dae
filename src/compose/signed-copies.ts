import { AppError } from '../domain/errors.js'
import type { ObjectStore } from '../domain/ports/object-store.js'

/** A key that is never asked for. */
const SOME_KEY = 'origin'

/** Addresses at which clients read copies by themselves. */
export interface SignedCopies {
  /** Scheme, host and port of all addresses. */
  readonly origin: string
  /** Valid for some seconds. */
  sign(key: string, seconds: number): Promise<string>
}

/** @throws AppError CONFIG_INVALID for a store that signs nothing, or without credentials */
export async function signedCopiesOf(store: ObjectStore): Promise<SignedCopies> {
  if (store.signedUrl === undefined)
    throw new AppError(
      'CONFIG_INVALID',
      `S3_SIGNED_COPIES: expected copies in a bucket (OBJECT_STORE=s3://bucket/prefix), found the folder ${store.location}. Unset it.`,
    )
  const sign = store.signedUrl.bind(store)
  try {
    return { origin: new URL(await sign(SOME_KEY, 1)).origin, sign }
  } catch (cause) {
    throw new AppError(
      'CONFIG_INVALID',
      `S3_SIGNED_COPIES: expected credentials that sign addresses of ${store.location}, found none: ${(cause as Error).message}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`,
      { cause },
    )
  }
}
