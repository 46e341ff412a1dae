import { availableParallelism } from 'node:os'
import pLimit from 'p-limit'
import { PhotoError } from '../../domain/errors.js'
import type { ImageInput } from '../../domain/image-input.js'
import type { Encoder } from '../../domain/ports/encoder.js'

export interface TurnsDeps {
  /** @throws PhotoError */
  read: (file: string) => Promise<Uint8Array>
  /** @returns RGB, [input.size, input.size, 3] @throws PhotoError */
  preprocess: (image: Uint8Array, input: ImageInput) => Promise<Uint8Array>
  onProgress: (done: number, failed: number) => void
  signal: AbortSignal
}

export interface EmbeddedInTurns {
  /** Embeddings of the photos that every encoder embedded, in the order of the encoders. */
  readonly embeddings: readonly (readonly Float32Array[])[]
  /** In the order of the encoders. null: nothing was measured. */
  readonly imagesPerSecond: readonly (number | null)[]
  readonly failed: readonly FailedFile[]
}

export interface FailedFile {
  readonly file: string
  readonly code: string
  readonly message: string
}

/** Photos per turn. */
const TURN = 32

/**
 * Embeds the same photos with several encoders. They take turns, so that other work on the machine affects all of them,
 * and nothing is decoded meanwhile. A photo that cannot be read or embedded costs only itself.
 */
export async function embedInTurns(
  files: readonly string[],
  encoders: readonly Encoder[],
  { read, preprocess, onProgress, signal }: TurnsDeps,
): Promise<EmbeddedInTurns> {
  const embeddings: Float32Array[][] = encoders.map(() => [])
  const stopwatches = encoders.map(() => ({ images: 0, ms: 0 }))
  const failed: FailedFile[] = []
  const parallel = pLimit(availableParallelism())

  /** The squares for each encoder; the same one where their inputs are equal. */
  const squaresOf = async (file: string): Promise<Uint8Array[]> => {
    const image = await read(file)
    const squares = new Map<string, Promise<Uint8Array>>()
    for (const { input } of encoders) {
      const key = JSON.stringify(input)
      squares.set(key, squares.get(key) ?? preprocess(image, input))
    }
    return Promise.all(encoders.map(({ input }) => squares.get(JSON.stringify(input))!))
  }
  const orFailed = async <T>(file: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof PhotoError)) throw error
      failed.push({ file, code: error.code, message: error.message })
      return undefined
    }
  }
  const embed = async (which: number, photos: readonly Uint8Array[]): Promise<Float32Array[]> => {
    const startedAt = performance.now()
    const rows = await encoders[which]!.encodeImages(photos)
    stopwatches[which]!.ms += performance.now() - startedAt
    stopwatches[which]!.images += photos.length
    return rows
  }
  /** One row per encoder and photo. */
  const embedAll = async (photos: readonly Uint8Array[][], turn: number): Promise<Float32Array[][]> => {
    const rows: Float32Array[][] = []
    const order = [...encoders.keys()]
    for (const which of turn % 2 ? order.reverse() : order)
      rows[which] = await embed(
        which,
        photos.map(squares => squares[which]!),
      )
    return rows
  }
  const keep = (rows: readonly Float32Array[][]) => {
    for (const [which, some] of rows.entries()) embeddings[which]!.push(...some)
  }

  for (let first = 0, turn = 0; first < files.length; first += TURN, turn++) {
    signal.throwIfAborted()
    const some = files.slice(first, first + TURN)
    const decoded = await Promise.all(some.map(file => parallel(() => orFailed(file, () => squaresOf(file)))))
    const photos = some.flatMap((file, i) => (decoded[i] ? [{ file, squares: decoded[i] }] : []))
    if (photos.length > 0) {
      // The first call of a session takes longer.
      if (stopwatches[0]!.images === 0)
        for (const [which, encoder] of encoders.entries())
          await encoder.encodeImages([photos[0]!.squares[which]!]).catch(() => undefined)
      try {
        keep(
          await embedAll(
            photos.map(({ squares }) => squares),
            turn,
          ),
        )
      } catch (error) {
        if (!(error instanceof PhotoError)) throw error
        for (const { file, squares } of photos) await orFailed(file, async () => keep(await embedAll([squares], turn)))
      }
    }
    onProgress(embeddings[0]!.length, failed.length)
  }
  const order = new Map(files.map((file, i) => [file, i]))
  return {
    embeddings,
    imagesPerSecond: stopwatches.map(({ images, ms }) => (images > 0 ? (1000 * images) / ms : null)),
    failed: failed.sort((a, b) => order.get(a.file)! - order.get(b.file)!),
  }
}
