import { open } from 'node:fs/promises'

/** Flushes folder entries to the disk: one flush for all calls during another one. */
export class FolderFlushes {
  readonly #underWay = new Map<string, Promise<void>>()
  readonly #next = new Map<string, Promise<void>>()

  /** Resolves when the folder's entries at the time of the call are on the disk, if the file system supports it. */
  flush(folder: string): Promise<void> {
    const next = this.#next.get(folder) ?? this.#after(folder)
    this.#next.set(folder, next)
    return next
  }

  async #after(folder: string): Promise<void> {
    // Callers of that flush receive its failure.
    await this.#underWay.get(folder)?.catch(() => {})
    this.#next.delete(folder)
    const flushing = flushFolder(folder)
    this.#underWay.set(folder, flushing)
    try {
      await flushing
    } finally {
      if (this.#underWay.get(folder) === flushing) this.#underWay.delete(folder)
    }
  }
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  } finally {
    await handle.close()
  }
}
