import { link, mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorCode } from '../../domain/text/error-text.js'
import type { ModelFile } from '../catalog/entry.js'
import { VerifiedFiles } from '../files/verified-files.js'

/** Within the folder of a model: files that will replace its own. */
export const STAGE = '.replacing'

/**
 * Makes a folder in which files of an added model are replaced: with its pinned files, as links, so that unchanged ones
 * are not fetched again.
 * @returns the folder. What an earlier attempt fetched is still there
 */
export async function stage(folder: string, pinned: readonly ModelFile[], signal: AbortSignal): Promise<string> {
  const staged = join(folder, STAGE)
  await mkdir(staged, { recursive: true })
  const known = await VerifiedFiles.read(folder)
  for (const file of pinned) {
    if ((await known.state(file, signal)) !== 'verified') continue
    const target = join(staged, file.path)
    await mkdir(dirname(target), { recursive: true })
    try {
      await link(join(folder, file.path), target)
      await (await VerifiedFiles.read(staged)).add(file)
    } catch (error) {
      // A file system without links: the file is fetched again.
      if (!['EEXIST', 'EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS'].includes(errorCode(error)))
        throw error
    }
  }
  return staged
}

/** Moves staged files to their places, and removes the rest. */
export async function moveStaged(staged: string, folder: string, files: readonly ModelFile[]): Promise<void> {
  for (const file of files) {
    await mkdir(dirname(join(folder, file.path)), { recursive: true })
    await rename(join(staged, file.path), join(folder, file.path))
    await (await VerifiedFiles.read(folder)).add(file)
  }
  await rm(staged, { recursive: true, force: true })
}
