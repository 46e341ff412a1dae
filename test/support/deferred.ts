export interface RetryLaterError<T = void> {
  promise: Promise<T>
  resolve(value: T): void
  reject(error: Error): void
}

/** A promise that the test settles. */
export function deferred<T = void>(): RetryLaterError<T> {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
