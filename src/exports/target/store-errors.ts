import { AppError, PhotoError } from '../../domain/errors.js'

/** The store's errors are those of photos. @throws AppError STORE_UNREACHABLE in their place */
export async function withStoreErrors<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof PhotoError)) throw error
    throw new AppError(
      'STORE_UNREACHABLE',
      `The export stopped: ${error.message}. Start the same command again to continue.`,
      { cause: error },
    )
  }
}
