import { open, rm, stat, writeFile } from 'node:fs/promises'
import { AppError } from '../../domain/errors.js'
import { fileFailure } from '../unexpected.js'

/**
 * Checks before the work that the files of options can be written. Creates none, and changes none.
 * @param files by option; undefined: not given
 * @throws AppError USAGE
 */
export async function checkOutputFiles(files: Readonly<Record<string, string | undefined>>): Promise<void> {
  for (const [option, path] of Object.entries(files)) if (path !== undefined) await checkOutputFile(option, path)
}

async function checkOutputFile(option: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => null)
  // Opening and closing a pipe would tell its reader that it has ended.
  if (found !== null && !found.isFile() && !found.isDirectory()) return
  try {
    await (await open(path, 'a')).close()
  } catch (cause) {
    throw new AppError('USAGE', `${option} expects a writable file, found: ${(cause as Error).message}`, { cause })
  }
  if (found === null) await rm(path, { force: true })
}

/** Writes the file of an option. @throws AppError FILE_FAILED, for instance when the disk is full */
export async function writeOutputFile(path: string, data: string | Buffer): Promise<void> {
  await writeFile(path, data).catch(error => {
    throw fileFailure(error) ?? error
  })
}
